"""Crops of the things that a tracker takes for hands in rooms: held things without a hand, robots, furniture, stumps,
elbows, heads, castors, plants.

In: shares (``NegativesConfig``), a batch's split and seed, the palms' rotations. Out: :class:`Lookalikes`, scenes in
crop-local frames (metres, look-at view, origin at the crop centre), bare arms that are drawn from the hand meshes,
and edges of the picture that cut through. They replace negatives that ``synthetic.negatives`` has drawn before, from
random numbers of their own: with them or without, all else of a batch is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.castors import castors
from hand_pose_ros.synthetic.furniture import furniture, panels
from hand_pose_ros.synthetic.household import (
    OBJECT_PARTS,
    PARTS,
    held_objects,
    lying,
    reach_along,
    robot_arms,
    rod,
)
from hand_pose_ros.synthetic.negatives_config import NEGATIVE_GROUPS, NegativesConfig
from hand_pose_ros.synthetic.people import heads, upper_arms
from hand_pose_ros.synthetic.plants import plants
from hand_pose_ros.synthetic.random_streams import BatchStream
from hand_pose_ros.synthetic.rotations import (
    facing_normals,
    random_axes,
    random_directions,
    rotation_x,
    rotation_z,
)
from hand_pose_ros.synthetic.scene import ELBOW_M, Scenes
from hand_pose_ros.synthetic.solids import (
    CYLINDER,
    ELLIPSOID,
    Solids,
    moved,
    nothing,
    padded,
    put,
    solid,
    take,
)
from hand_pose_ros.synthetic.tubes import tubes

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

GROUPS: tuple[str, ...] = ("older", *NEGATIVE_GROUPS)
"""What a crop without a hand shows: a kind of ``synthetic.negatives``, or one of the groups."""
SUPPORTS: tuple[str, ...] = ("alone", "table", "arm", "stick")
"""What holds an object."""

_AS_IT_WAS = -2
_SUPPORT_SHARES = (0.30, 0.30, 0.20, 0.20)  # guessed
STUMP_M = (0.0, 0.06)
"""How far behind the wrist stumps end. Given: forearms at the edges of real pictures were taken for hands."""
_STUMP_CENTRE_M = (0.0, 0.12)  # how far behind the stump's end the crop looks; guessed
_ELBOW_CENTRE_M = (
    0.03  # the crop's centre lies so far from the elbow along the forearm, standard deviation; guessed
)
_ARM_HALF_M = 0.026  # half an arm's width at the wrist; guessed
_EDGE_GAP_M = (-0.01, 0.13)
"""Range of the picture's edge from the crop's centre: a locator lands on what it sees. Guessed."""
_FLOOR = 0.45  # share of robots and furniture with a floor or a wall; guessed
_ON_FLOOR = 0.75  # share of castors whose floor is seen; guessed
_TURNED = 0.4  # share of castors before a camera that is turned by any angle; guessed
_HELPERS = 4  # solids beside an object's own: a stick or an arm's end, and things beside it


@dataclass(frozen=True, eq=False)
class Lookalikes:
    """N crops without a hand."""

    group: NDArray[np.int64]
    """(N,) index into ``GROUPS``; what is 0 stays as it was."""
    planes: Array
    """(N, 4): unit normal and offset m, NaN for none."""
    solids: Solids
    """(N, PARTS + helpers)."""
    arm_start: Array
    """(N,) m behind the wrist from where on the mesh's forearm is drawn; NaN for none."""
    behind: Array
    """(N,) m: how far behind its wrist, in line with the palm, the crop's centre lies; NaN for none."""
    side: NDArray[np.int64]
    """(N,) edge of the picture that cuts through: 0 left, 1 right, 2 top, 3 bottom, -1 none, -2 as it was."""
    edge: Array
    """(N, 3) m, crop-local: a point on that edge."""

    @property
    def replaced(self) -> Flags:
        """(N,): crops that show one of the groups."""
        return np.asarray(self.group > 0)

    def instead_of(self, scenes: Scenes) -> Scenes:
        """Scenes (N) of which those that are replaced show these things."""
        if not self.replaced.any():
            return scenes
        one = self.replaced[:, None]
        theirs = padded(scenes.solids, self.solids.kind.shape[1])
        solids = Solids(
            np.where(one, self.solids.kind, theirs.kind),
            np.where(one[..., None], self.solids.centre, theirs.centre),
            np.where(one[..., None, None], self.solids.axes, theirs.axes),
        )
        return replace(scenes, planes=np.where(one, self.planes, scenes.planes), solids=solids)

    def arm_starts(self, arm: Flags, start_m: float) -> Array:
        """(N,) m behind the wrist: what lies before it of the hands' meshes is left out. Nothing is drawn without an
        arm (N,); start_m: of the arms that are not replaced."""
        start = np.where(self.replaced, self.arm_start, start_m)
        return np.asarray(np.where(arm, start, np.inf))

    def forearms(self, looks: Array, least_m: float) -> Array:
        """Looks (N, 3) of forearms as of ``dress_forearm``, so that at least ``least_m`` of these arms are seen, and
        no sleeve begins in the first half of that; forearms of elbows reach them."""
        out, mine = looks.copy(), np.isfinite(self.arm_start)
        out[mine, 0] = np.maximum(out[mine, 0], self.arm_start[mine] + least_m)
        out[self.group == GROUPS.index("elbows"), 0] = ELBOW_M
        out[mine, 1] = np.maximum(out[mine, 1], self.arm_start[mine] + 0.5 * least_m)
        return out

    def cut(self, bounds: Array, edge: Array) -> None:
        """Set bounds (N, 4) of pictures, in tangents as of ``Borders.tangents``, in place; edge (N, 3) m: the points
        of ``self.edge`` in the camera's frame."""
        bounds[self.side != _AS_IT_WAS] = (-np.inf, np.inf, -np.inf, np.inf)
        cut = np.flatnonzero(self.side >= 0)
        side = self.side[cut]
        bounds[cut, side] = edge[cut, side // 2] / edge[cut, 2]


def sample_lookalikes(rotation: Array, config: NegativesConfig, stream: tuple[int, ...]) -> Lookalikes:
    """Palm rotations (N, 3, 3) of the crops without a hand, a batch's split and seed -> what they show instead."""
    count, slots = len(rotation), PARTS + _HELPERS
    empty = nothing(count, slots)
    none, zero = np.full(count, np.nan), np.zeros(count, np.int64)
    if not config.any:
        as_it_was = np.full(count, _AS_IT_WAS)
        return Lookalikes(
            zero, np.full((count, 4), np.nan), empty, none, none, as_it_was, np.zeros((count, 3))
        )
    rng = np.random.default_rng([*stream, BatchStream.LOOKALIKES])
    shares = [getattr(config, name) for name in NEGATIVE_GROUPS]
    group = rng.choice(len(GROUPS), size=count, p=[max(1.0 - sum(shares), 0.0), *shares])
    cut = rng.random(count) < config.border
    side = np.where(cut, rng.integers(4, size=count), -1 if config.border > 0 else _AS_IT_WAS)
    edge = np.zeros((count, 3))
    gap = rng.uniform(*_EDGE_GAP_M, count)
    edge[np.arange(count), np.maximum(side, 0) // 2] = np.where(side % 2, gap, -gap)
    out = Lookalikes(group, np.full((count, 4), np.nan), empty, none, none.copy(), side, edge)
    # Gravity: the camera looks level or down, now and then held at any angle.
    upright = rotation_z(rng.normal(0, 0.2, count)) @ rotation_x(rng.uniform(-0.15, 1.35, count))
    upright = np.where((rng.random(count) < 0.85)[:, None, None], upright, random_axes(count, rng))
    _objects(out, upright, rotation, rng)
    robots, pieces = robot_arms(count, rng), furniture(count, rng)[0]
    _put(out, group == GROUPS.index("robots"), moved(robots, random_axes(count, rng)), 0)
    _put(out, group == GROUPS.index("furniture"), moved(pieces, upright), 0)
    standing = np.isin(group, (GROUPS.index("robots"), GROUPS.index("furniture")))
    _floors(out, standing & (rng.random(count) < _FLOOR), upright, rng)
    _stumps(out, group == GROUPS.index("stumps"), cut, rotation, rng)
    if config.panels > 0:  # drawn last: without them all else is as it was
        _put(out, group == GROUPS.index("panels"), panels(count, rng), 0)
    if config.tubes > 0:
        _put(out, group == GROUPS.index("tubes"), moved(tubes(count, rng), random_axes(count, rng)), 0)
        _floors(out, (group == GROUPS.index("tubes")) & (rng.random(count) < _FLOOR), upright, rng)
    if config.elbows > 0:
        _elbows(out, group == GROUPS.index("elbows"), upright, rotation, rng)
    if config.heads > 0:
        _put(out, group == GROUPS.index("heads"), heads(count, rng), 0)
    if config.castors > 0:
        _castors(out, group == GROUPS.index("castors"), upright, rng)
    if config.plants > 0:
        _put(out, group == GROUPS.index("plants"), moved(plants(count, rng), upright), 0)
        _floors(out, (group == GROUPS.index("plants")) & (rng.random(count) < _FLOOR), upright, rng)
    return out


def _put(out: Lookalikes, chosen: Flags, parts: Solids, first: int) -> None:
    """Put solids (N, K) into the slots from ``first`` on of the chosen crops."""
    put(out.solids, chosen, take(parts, chosen), first)


def _objects(out: Lookalikes, upright: Array, rotation: Array, rng: np.random.Generator) -> None:
    """Things that hands hold, alone, on tables, at the ends of arms, on sticks."""
    count = len(upright)
    chosen = out.group == GROUPS.index("objects")
    held_by = rng.choice(len(SUPPORTS), size=count, p=_SUPPORT_SHARES)
    on_table, on_arm, on_stick = (held_by == SUPPORTS.index(name) for name in ("table", "arm", "stick"))
    shift = rng.normal(0, [0.018, 0.018, 0.012], (count, 3))

    def draw(down: float) -> Solids:
        return lying(held_objects(count, rng)[0], rng.random(count) < down, rng)

    parts = draw(0.25)
    turn = np.where(on_table[:, None, None], upright, random_axes(count, rng))
    parts = moved(parts, turn, shift)
    _put(out, chosen, parts, 0)

    down = upright[:, :, 1]
    ground = reach_along(parts, down)
    seen = chosen & on_table & (down[:, 2] > 0.1)
    out.planes[seen] = np.concatenate([down, ground[:, None]], axis=1)[seen]
    # Others on the same table.
    for slot in (0, 1):
        other = moved(draw(0.25), upright)
        across = rng.uniform(-0.16, 0.16, (count, 2))
        place = upright[:, :, 0] * across[:, :1] + upright[:, :, 2] * across[:, 1:]
        place = place + down * (ground - reach_along(other, down))[:, None]
        other = moved(other, np.eye(3), place)
        _put(out, chosen & on_table & (rng.random(count) < 0.45), other, OBJECT_PARTS * (1 + slot))

    # An arm or a stick that ends inside the thing: nothing closes about it.
    half = np.maximum(
        reach_along(parts._replace(centre=parts.centre - shift[:, None]), -rotation[:, :, 0]), 0.0
    )
    start = rng.uniform(*STUMP_M, count)
    mine = chosen & on_arm
    out.arm_start[mine] = start[mine]
    out.behind[mine] = (start - 0.8 * half)[mine]
    _put(out, mine, _arm_ends(out, rotation, rng), PARTS)
    way = random_directions(count, rng, (1.0, 1.0, 0.7))
    stick = rod(shift, shift + rng.uniform(0.2, 0.5, (count, 1)) * way, rng.uniform(0.005, 0.02, count))
    _put(out, chosen & on_stick, stick, PARTS)


def _floors(out: Lookalikes, chosen: Flags, upright: Array, rng: np.random.Generator) -> None:
    """A floor under what stands there, or a wall behind it."""
    count = len(upright)
    wall = rng.random(count) < 0.3
    back = facing_normals(count, 0.4, rng)
    normal = np.where(wall[:, None], back, upright[:, :, 1])
    offset = rng.uniform(0.02, 0.4, count)
    seen = chosen & (normal[:, 2] > 0.1)
    out.planes[seen] = np.concatenate([normal, offset[:, None]], axis=1)[seen]


def _stumps(out: Lookalikes, chosen: Flags, cut: Flags, rotation: Array, rng: np.random.Generator) -> None:
    """Forearms from 0 to 6 cm behind the wrist on: cut there, or by the edge of the picture that they leave."""
    count = len(rotation)
    along = rotation[:, :, 0]
    start, behind = rng.uniform(*STUMP_M, count), rng.uniform(*_STUMP_CENTRE_M, count)
    leaves = chosen & cut & (np.linalg.norm(along[:, :2], axis=1) > 0.5)
    out.arm_start[chosen] = np.where(leaves, np.minimum(start, 0.01), start)[chosen]
    out.behind[chosen] = (start + behind)[chosen]
    _put(out, chosen, _arm_ends(out, rotation, rng), 0)
    # The edge that the arm leaves through, where it ends.
    axis = np.argmax(np.abs(along[:, :2]), axis=1)
    side = 2 * axis + (along[np.arange(count), axis] > 0)
    out.side[leaves] = side[leaves]
    out.edge[leaves] = (behind[:, None] * along)[leaves]


def _elbows(
    out: Lookalikes, chosen: Flags, upright: Array, rotation: Array, rng: np.random.Generator
) -> None:
    """Elbows in the middle of the crop, their forearms from the wrist on, which is mostly beyond the crop, their upper
    arms at any angle to those; a wall behind some."""
    count, along = len(rotation), rotation[:, :, 0]
    start, off = rng.uniform(*STUMP_M, count), rng.normal(0, _ELBOW_CENTRE_M, count)
    out.arm_start[chosen] = start[chosen]
    out.behind[chosen] = ELBOW_M + off[chosen]
    _put(out, chosen, upper_arms(off[:, None] * along, along, upright, rng), 0)
    _floors(out, chosen & (rng.random(count) < _FLOOR), upright, rng)


def _castors(out: Lookalikes, chosen: Flags, upright: Array, rng: np.random.Generator) -> None:
    """Feet of chairs, most with the floor that they stand on; before cameras that are turned by any angle, too."""
    count = len(upright)
    roll = np.where(rng.random(count) < _TURNED, rng.uniform(-np.pi, np.pi, count), 0.0)
    stands = rotation_z(roll) @ upright
    parts, down = moved(castors(count, rng), stands), stands[:, :, 1]
    _put(out, chosen, parts, 0)
    seen = chosen & (rng.random(count) < _ON_FLOOR) & (down[:, 2] > 0.1)
    out.planes[seen] = np.concatenate([down, reach_along(parts, down)[:, None]], axis=1)[seen]


def _arm_ends(out: Lookalikes, rotation: Array, rng: np.random.Generator) -> Solids:
    """(N, 1): what closes the open ends of bare arms: flat, round, or anything between; long enough to meet the mesh,
    whose coarse triangles end up to 3 cm farther up the arm."""
    count = len(rotation)
    long = rng.uniform(0.020, 0.030, count)
    wide = _ARM_HALF_M + 0.1 * np.nan_to_num(out.arm_start)  # an arm widens from the wrist on
    half = np.stack([wide, 0.8 * wide, long], axis=-1)
    along = rotation[:, :, 0]
    place = (out.behind - out.arm_start - long)[:, None] * along
    axes = rotation.swapaxes(1, 2)[:, [1, 2, 0]]
    return solid(np.where(rng.random(count) < 0.5, CYLINDER, ELLIPSOID), place, half, axes)
