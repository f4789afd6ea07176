"""The named sequences that tracking is measured on: fixed seeds, so that figures of different days compare.

Out: :class:`Sequence`, a renderer and the stamps of its frames. Subjects, motions and scenes of these seeds (100 and
above) are drawn from streams that no training data uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.random_streams import SeedStream
from hand_pose_ros.synthetic.sensor import STRUCTURED_LIGHT, NoiseModel
from hand_pose_ros.synthetic.sequence_config import HELD, SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceFrame, SequenceRenderer
from hand_pose_ros.synthetic.stereo_config import drawn_model

KINDS: tuple[str, ...] = (
    "moving",
    "still",
    "leave_return",
    "nothing",
    "two_hands",
    "stereo",
    "stereo_pairs",
    "one_of_two",
)

VGA = Camera(640, 480, 475.0, 475.0, 319.5, 239.5)
"""A structured-light camera's field of view, 68 x 54 degrees."""
WIDE = Camera(640, 480, 385.0, 385.0, 319.5, 239.5)
"""An active stereo camera's, 79 x 64 degrees."""
D435 = Camera(640, 480, 424.0, 424.0, 319.5, 239.5)
"""The middle of an active stereo camera's picture, whose eyes are 50 mm apart."""
# Guessed, all three.
_NOISE: tuple[NoiseModel, ...] = (
    STRUCTURED_LIGHT,
    NoiseModel(
        lateral_px=0.6, axial_m=0.0018, quantisation_m=0.001, edge_loss=0.35, flying=0.06, shadow_px=-5.0
    ),
    NoiseModel(
        lateral_px=0.3, axial_m=0.0008, quantisation_m=0.0, edge_loss=0.15, flying=0.12, missing=0.006
    ),
)


@dataclass(frozen=True)
class Sequence:
    """One stretch of frames. kind is one of KINDS; rate_hz the camera's, dropped the share of frames that are lost."""

    name: str
    kind: str
    config: SequenceConfig
    duration_s: float
    camera: Camera = VGA
    rate_hz: float = 30.0
    dropped: float = 0.0
    jitter_s: float = 0.0

    def times(self) -> tuple[float, ...]:
        """The frames' stamps, s."""
        times = frame_times(self.rate_hz, self.duration_s, self.dropped, self.jitter_s, self.config.seed)
        return tuple(times)

    def open(self) -> SequenceRenderer:
        """The renderer of this sequence."""
        return SequenceRenderer(self.config, self.camera)

    def frames(self) -> Iterator[tuple[float, SequenceFrame]]:
        """(stamp s, frame), in order."""
        renderer = self.open()
        for t in self.times():
            yield t, renderer.frame(t)


def frame_times(
    rate_hz: float, duration_s: float, dropped: float = 0.0, jitter_s: float = 0.0, seed: int = 0
) -> Iterator[float]:
    """Stamps (s, rising, from 0) of a sequence's frames: a share ``dropped`` is missing, the others come up to
    ``jitter_s`` later than the clock's tick. ValueError when that makes no sense."""
    if not (rate_hz > 0 and duration_s > 0 and 0 <= dropped < 1 and 0 <= jitter_s < 1 / rate_hz):
        raise ValueError(
            f"rate_hz, duration_s, dropped, jitter_s are {rate_hz}, {duration_s}, {dropped}, {jitter_s}: want "
            "positive ones, a share below 1, less than an interval"
        )
    rng = np.random.default_rng([SeedStream.FRAME_TIMES, seed])
    for tick in range(int(np.floor(duration_s * rate_hz + 1e-9))):
        lost, late = rng.random(2)
        if lost >= dropped:
            yield tick / rate_hz + jitter_s * float(late)


def bench_sequences() -> tuple[Sequence, ...]:
    """All of them: 2150 frames moving, 720 still, 1080 of hands that leave and return, 2160 without a hand, 1080
    with two hands, 1080 moving before stereo cameras, 660 with two hands before them, 1080 with one
    where two are looked for."""
    return (
        *_moving(), *_still(), *_leave_return(), *_nothing(), *_two_hands(), *_stereo(), *_stereo_pairs(),
        *_one_of_two(),
    )  # fmt: skip


def _moving() -> Iterator[Sequence]:
    """Nine subjects, both sides and families, held things, passers-by, 20 % of the frames lost."""
    for number in range(9):
        config = SequenceConfig(
            seed=100 + number,
            hands=("left" if number % 2 else "right",),
            family=("makehuman", "webxr")[number // 2 % 2],
            noise=_NOISE[number % len(_NOISE)],
            distance_m=((0.42, 0.70), (0.35, 0.55), (0.60, 0.95))[number % 3],
            tempo=(1.0, 1.25, 0.8)[number // 3],
            held=HELD[number // 2] if number in (3, 5, 7) else "",
            distractors=("cup", "box") if number % 4 == 3 else (),
            occlusions=((2.0, 2.8), (6.0, 6.6)) if number % 3 == 1 else (),
        )
        camera = WIDE if number % 3 == 2 else VGA
        yield Sequence(f"moving_{number}", "moving", config, 10.0, camera, 30.0, 0.2, 0.003)


def _still() -> Iterator[Sequence]:
    """Eight poses held for three seconds, with tremor and without."""
    for number in range(8):
        config = SequenceConfig(
            seed=120 + number,
            hands=("left" if number % 2 else "right",),
            family=("makehuman", "webxr")[number // 2 % 2],
            noise=_NOISE[number % len(_NOISE)],
            still_at=1.1 * (number + 1),
            tremor=number >= 4,
        )
        yield Sequence(f"still_{number}", "still", config, 3.0)


def _leave_return() -> Iterator[Sequence]:
    """Hands that go for a second or two and come back, in every way of leaving."""
    ways = ("down", "side", "withdraw", "vanish", "vanish", "side")
    for number, leaving in enumerate(ways):
        config = SequenceConfig(
            seed=140 + number,
            hands=("left" if number % 2 else "right",),
            noise=_NOISE[number % len(_NOISE)],
            leaving=leaving,
            presence=((-5.0, 2.0), (3.0 + 0.2 * number, 8.0)),
            body=number != 4,
        )
        yield Sequence(f"leave_return_{number}", "leave_return", config, 6.0)


def _nothing() -> Iterator[Sequence]:
    """Environments without a hand in them."""
    scenes = (
        ("room", (), "wall"), ("face", ("face",), "wall"), ("face_near", ("face",), "far"),
        ("box", ("box",), ""), ("box_on_table", ("box", "cup"), "table"), ("ball", ("ball",), ""),
        ("cup", ("cup",), "table"), ("elbow", ("elbow",), "wall"), ("arm", ("elbow",), "far"),
        ("chair", ("chair", "ball"), "wall"), ("face_and_box", ("face", "box"), "table"),
        ("clutter", ("box", "ball", "cup", "chair"), "table"),
        ("gripper", ("gripper",), "wall"), ("gripper_at_work", ("gripper", "box", "mug"), "table"),
        ("mugs", ("mug", "mug"), "table"), ("mug_shown", ("mug",), "far"),
    )  # fmt: skip
    for number, (name, distractors, environment) in enumerate(scenes):
        noise = _NOISE[number % len(_NOISE)]
        config = SequenceConfig(
            160 + number, (), noise=noise, environment=environment, distractors=distractors
        )
        yield Sequence(f"nothing_{name}", "nothing", config, 4.5)


def _two_hands() -> Iterator[Sequence]:
    """Both hands of a person, each on its side, or meeting and crossing."""
    for number in range(6):
        config = SequenceConfig(
            seed=180 + number,
            hands=("right", "left"),
            noise=_NOISE[number % len(_NOISE)],
            distance_m=(0.45, 0.75),
            crossing=number >= 2,
        )
        yield Sequence(f"two_hands_{number}", "two_hands", config, 6.0)


def _stereo() -> Iterator[Sequence]:
    """Moving hands through imitated stereo matchers, each drawn as training draws its own."""
    return _before_stereo_cameras("stereo", 200)


def _one_of_two() -> Iterator[Sequence]:
    """The same of other people, for trackers that look for two hands: the arm's elbow and what is held are none."""
    return _before_stereo_cameras("one_of_two", 240)


def _before_stereo_cameras(kind: str, first_seed: int) -> Iterator[Sequence]:
    for number in range(6):
        seed = first_seed + number
        config = SequenceConfig(
            seed=seed,
            hands=("left" if number % 2 else "right",),
            family=("makehuman", "webxr")[number // 2 % 2],
            stereo=drawn_model(np.random.default_rng([SeedStream.SEQUENCE_MATCHER, seed]), D435.fx, 0.05),
            distance_m=((0.35, 0.55), (0.45, 0.75), (0.60, 0.90))[number % 3],
            held="box" if number == 4 else "",
        )
        yield Sequence(f"{kind}_{number}", kind, config, 6.0, D435)


def _stereo_pairs() -> Iterator[Sequence]:
    """Both hands of a person through imitated stereo matchers, by cameras of usual and of low rates that lose frames,
    while the hands come in and leave."""
    for number in range(6):
        seed = 220 + number
        config = SequenceConfig(
            seed=seed,
            hands=("right", "left"),
            family=("makehuman", "webxr")[number // 2 % 2],
            stereo=drawn_model(np.random.default_rng([SeedStream.SEQUENCE_MATCHER, seed]), D435.fx, 0.05),
            distance_m=(0.45, 0.85),
            crossing=number >= 3,
            presence=((-5.0, 2.4), (3.2, 5.2), (6.0, 8.0)),
            leaving=("vanish", "side", "down")[number % 3],
        )
        rate_hz = (30.0, 15.0, 7.5)[number % 3]
        yield Sequence(f"stereo_pairs_{number}", "stereo_pairs", config, 8.0, D435, rate_hz, 0.2)
