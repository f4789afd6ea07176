"""The hand of the user whom a tracker is told of: loaded at the start, saved once it is known.

In: a folder and a user's id, tracks frame after frame. Out: the profile, as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hand_pose_ros.tracking.track import Track
from hand_pose_ros.tracking.user_profile import UserProfile, load_profile, save_profile
from hand_pose_ros.validation import shown

_SAVE_AGAIN_S = 5.0
"""A hand that could not be saved is tried again after this time, seconds. Guessed."""


class ProfileKeeper:
    """Of one user; of nobody where the id is empty. ValueError or OSError for a file that cannot be used."""

    def __init__(self, folder: str | Path, user: str) -> None:
        self._folder, self._user = folder, user
        self.profile = load_profile(folder, user) if user else None
        """What is known of the user; None: it is learnt, and saved then."""
        self._fault: str | None = None
        self.reset()

    def reset(self) -> None:
        """Stamps begin anew."""
        self._save_again_s = -np.inf

    def save_once_known(self, tracks: Sequence[Track], stamp_s: float) -> str | None:
        """Save the hand that one of the tracks has learnt, if there is one -> what is wrong with the last try.

        A folder that cannot be written now may be later: it is tried again.
        """
        if not self._user or self.profile is not None:
            return self._fault
        for track in tracks:
            learnt = track.shape_estimator
            if track.published and learnt.frozen and stamp_s >= self._save_again_s:
                self._try_to_save(UserProfile(learnt.shape, learnt.frames, track.thickness), stamp_s)
                break
        return self._fault

    def _try_to_save(self, profile: UserProfile, stamp_s: float) -> None:
        try:
            save_profile(self._folder, self._user, profile)
        except OSError as error:
            self._save_again_s = stamp_s + _SAVE_AGAIN_S
            self._fault = f"the hand of user '{self._user}' cannot be saved: {shown(error)}"
            return
        self.profile, self._fault = profile, None
