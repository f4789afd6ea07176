"""SDNet's second stage behind any network: its joints corrected by the hierarchical regression (section 4).

In: what a network says of crops, the crops, and their frames; which crops follow the one before in time. Out:
:class:`~hand_pose_ros.evaluation.predict.Predictions` with the regressed joints, which belong to no hand model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.predict import Predictions
from hand_pose_ros.refine.bone_prior import BonePrior, load_bone_prior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import RegressorConfig, regress_joints

PAPER_TERMS: dict[str, float] = {
    "bone_mixture": 0.3, "bone_length": 0.3, "background": 3.0, "tip_order": 0.3, "prediction": 0.3,
}  # fmt: skip
"""Terms of the regressor's energy after SDNet's Eq. 9 to 12 and near them. Those that are 0 by default are tried with
these weights, which are guessed."""
PAPER_REGRESSOR = RegressorConfig(
    bone_mixture=PAPER_TERMS["bone_mixture"], background=PAPER_TERMS["background"], tip_order=PAPER_TERMS["tip_order"],
    bone_length=0.0, free_space=0.0, occluded=0.0, prediction=0.0,
)  # fmt: skip
"""The paper's energy (Eq. 8) and no term of ours but the network's own: mixtures of bone lengths (Eq. 9), projection
(Eq. 10), order of the fingertips' motion (Eq. 11, 12). The paper does not say where its search looks; here the
network's joint and its expected error say it."""
REGRESSED = ", regressed"
"""Ends the name of a network whose joints were regressed."""

# Between consecutive frames. No term of the paper's depends on it.
_FRAME_S = 1.0 / 30.0


class HierarchicalRegression:
    """Regresses the joints of one crop after the other, and keeps the last ones for the frame that follows."""

    def __init__(self, config: RegressorConfig = PAPER_REGRESSOR, prior: BonePrior | None = None) -> None:
        """prior: mixtures of bone lengths, the shipped ones when None."""
        self.config = config
        self.prior = prior or load_bone_prior()
        self._before: PreviousFrame | None = None

    def __call__(
        self,
        found: Predictions,
        frames: Sequence[CropFrame],
        crops: NDArray[np.float32],
        follows: Sequence[bool] | None = None,
    ) -> Predictions:
        """N predictions of crops (N, S, S) taken at N frames -> the same with regressed joints and without angles.

        follows: whether each crop is the next frame after the one before it (the first one's: after the last of the
        call before), so that the temporal terms have a past. Without it no crop has one.
        """
        joints = np.empty_like(found.joints)
        for i, (frame, crop) in enumerate(zip(frames, crops, strict=True)):
            previous = self._before if follows is not None and follows[i] else None
            sigma = found.sigma[i].astype(np.float64)
            refined = regress_joints(frame, crop, found.joints[i], sigma, self.prior, self.config, previous)
            self._before = PreviousFrame(frame.local_to_camera(refined), sigma, _FRAME_S)
            joints[i] = refined
        return found._replace(joints=joints, angles=None, raw_angles=None)
