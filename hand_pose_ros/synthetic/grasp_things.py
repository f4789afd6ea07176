"""The kinds of grasps and their shares: power, pinch, tripod, lateral and hook grasps, open palms, tools.

In: nothing. Out: ``KINDS``. They are those of Cutkosky (1989) and of Feix et al., "The GRASP Taxonomy" (2016), that
look different in a depth image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hand_pose_ros.synthetic.grasp_fingertips import cup_handles, hooks, keys, pens, pinches, tripods
from hand_pose_ros.synthetic.grasp_plans import GraspPlans
from hand_pose_ros.synthetic.grasp_whole_hand import (
    balls,
    both_hands,
    boxes,
    cans,
    carried,
    from_above,
    hammers,
    handles,
    phones,
    screwdrivers,
)
from hand_pose_ros.synthetic.grasps import HandLinks

Maker = Callable[[HandLinks, np.random.Generator], GraspPlans]

KINDS: dict[str, tuple[float, Maker]] = {
    "handle": (0.10, handles),
    "can": (0.16, cans),
    "ball": (0.15, balls),
    "box": (0.10, boxes),
    "from_above": (0.08, from_above),
    "phone": (0.05, phones),
    "pinch": (0.06, pinches),
    "tripod": (0.05, tripods),
    "pen": (0.05, pens),
    "lateral": (0.04, keys),
    "hook": (0.03, hooks),
    "carry": (0.05, carried),
    "hammer": (0.02, hammers),
    "screwdriver": (0.02, screwdrivers),
    "cup_handle": (0.02, cup_handles),
    "both_hands": (0.02, both_hands),
}
"""Share and maker of each kind. Guessed: cans, balls and boxes, which hide most of a hand, are most of them."""
