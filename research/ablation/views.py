"""An easier subset of all views: palm to the camera, fingers up.

In: a source of labelled hands of every view. Out: a source of those that show their palm, each turned in its picture
until the fingers point up, give or take. What a network can learn of them within a small budget is far more than of
hands turned every way. The papers' data are no such subset: neither says so, the poster names changes of viewpoint
among the challenges, and ICVL's training has its frames turned all the way round.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.torch_batch import Source

VIEWS: tuple[str, ...] = ("all", "frontal")

_SPREAD_RAD = 0.4  # of the fingers' direction in the picture about "up"
_DRAWN_FOR_EACH = 2.1  # hands drawn for each that is kept: a little over half of them show their palm
_NEXT_DRAW = 1 << 50  # between the seeds of a batch's draws: above all training and validation seeds

Array = NDArray[np.float32]


class FrontalHands:
    """``batch(seed, count)`` as of the source behind it, frontal hands only."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def batch(self, seed: int, count: int) -> Any:
        """``count`` frontal hands; a pure function of the source, the seed and the count."""
        drawn: list[Any] = []
        kept = 0
        while kept < count:
            batch = self.source.batch(
                seed + len(drawn) * _NEXT_DRAW, max(2, round(_DRAWN_FOR_EACH * (count - kept)))
            )
            # The palm's z axis leaves the back of the hand: away from the camera when the palm is seen.
            batch = _take(batch, np.flatnonzero(batch.rotation[:, 2, 2] > 0)[: count - kept])
            drawn.append(batch)
            kept += len(batch.rotation)
        fields = vars(drawn[0])
        whole = replace(
            drawn[0], **{name: np.concatenate([getattr(b, name) for b in drawn]) for name in fields}
        )
        wanted = -np.pi / 2 + np.random.default_rng([seed, count]).normal(0, _SPREAD_RAD, count)
        fingers = whole.rotation[:, :2, 0]
        return turn_in_plane(whole, wanted - np.arctan2(fingers[:, 1], fingers[:, 0]))


def turn_in_plane(batch: Any, angle_rad: NDArray[np.float64]) -> Any:
    """A batch with each crop and its labels turned by angles (N,) about the view axis; positive turns image x (right)
    towards image y (down).

    The axis goes through the camera's origin and the crop's centre, so this is what the camera itself, turned, would
    have seen: exact but for the nearest pixel, and for corners, which are empty where the old picture ended.
    """
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.zeros((len(angle_rad), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cosine, -sine, sine, cosine
    turn[:, 2, 2] = 1.0
    crop = np.stack([_turn_picture(c[0], r)[None] for c, r in zip(batch.crop, turn[:, :2, :2], strict=True)])
    return replace(
        batch,
        crop=crop,
        joints=np.einsum("nij,nkj->nki", turn, batch.joints).astype(np.float32),
        rotation=(turn @ batch.rotation).astype(np.float32),
        translation=np.einsum("nij,nj->ni", turn, batch.translation).astype(np.float32),
    )


def _turn_picture(picture: Array, turn: NDArray[np.float64]) -> Array:
    """(S, S) turned by (2, 2) about its middle, nearest pixel; +1 (nothing there) where it has no source."""
    middle = np.full(2, (picture.shape[0] - 1) / 2)
    back = turn.T
    affine = np.concatenate([back, (middle - back @ middle)[:, None]], axis=1)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    size = picture.shape[::-1]
    turned = cv2.warpAffine(
        np.ascontiguousarray(picture), affine, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0
    )  # fmt: skip
    return np.asarray(turned, dtype=np.float32)


def _take(batch: Any, rows: NDArray[np.int64]) -> Any:
    return replace(batch, **{name: value[rows] for name, value in vars(batch).items()})
