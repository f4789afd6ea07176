"""The filter: steady at rest, quick in motion, at every frame rate, and always a valid pose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hand_pose_ros.evaluation.motion_metrics import lag_s
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_LIMITS
from hand_pose_ros.tracking.hand import PoseState
from hand_pose_ros.tracking.one_euro_filter import FilterConfig, OneEuroFilter

RATES = (15.0, 30.0, 60.0, 90.0)
LOW, HIGH = ANGLE_LIMITS.T
MIDDLE = ANGLE_LIMITS.mean(axis=1)
FIXED = FilterConfig(palm_hz=0.0, finger_hz_by_palm=0.0, finger_hz=0.0, catch_up_m=0.0, catch_up_rad=0.0)


def pose(along: float = 0.0, turned: float = 0.0, bent: float = 0.0) -> PoseState:
    """A hand moved along x (m), turned about a fixed axis (rad) and with every angle bent from its middle (rad)."""
    rotation = Rotation.from_rotvec(turned * np.array([0.6, 0.0, 0.8])).as_matrix()
    return PoseState(np.array([along, 0.0, 0.5]), rotation, MIDDLE + bent)


def turn_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(Rotation.from_matrix(a.T @ b).magnitude())


def run(poses: list[PoseState], times: np.ndarray, config: FilterConfig) -> list[PoseState]:
    smoother = started(poses[0], config)
    return poses[:1] + [
        smoother.update(measured, float(dt)) for measured, dt in zip(poses[1:], np.diff(times), strict=True)
    ]


def started(first: PoseState, config: FilterConfig | None = None) -> OneEuroFilter:
    """A filter that has seen one measurement."""
    smoother = (config or FilterConfig()).build()
    smoother.update(first, np.inf)
    return smoother


def as_rows(poses: list[PoseState]) -> np.ndarray:
    """(T, 26): translation m, rotation vector rad, angles rad."""
    return np.array(
        [[*p.translation, *Rotation.from_matrix(p.rotation).as_rotvec(), *p.angles] for p in poses]
    )


@pytest.mark.parametrize("hz", RATES)
def test_step_is_followed_to_63_percent_within_the_time_constant(hz: float) -> None:
    # 1 / (2 pi f) s is a whole number of frames at every rate, so the share is 1 - 1/e exactly, in each quantity.
    config = FilterConfig(**{**vars(FIXED), "still_hz": 1.0 / (2 * np.pi * 0.2)})
    times = np.arange(round(0.2 * hz) + 1) / hz
    last = run([pose()] + [pose(0.01, 0.1, 0.05)] * (len(times) - 1), times, config)[-1]
    share = 1 - np.exp(-1)
    assert last.translation[0] == pytest.approx(0.01 * share)
    assert turn_between(np.eye(3), last.rotation) == pytest.approx(0.1 * share)
    np.testing.assert_allclose(last.angles - MIDDLE, 0.05 * share)


def test_dropped_frame_of_a_still_hand_changes_nothing_afterwards() -> None:
    there = pose(0.01, 0.1, 0.05)
    every = run([pose()] + [there] * 2, np.array([0.0, 1 / 30, 2 / 30]), FIXED)[-1]
    dropped = run([pose(), there], np.array([0.0, 2 / 30]), FIXED)[-1]
    for a, b in zip(every, dropped, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_no_filtering_at_zero_hz() -> None:
    measured = pose(0.3, 1.0, 0.1)
    out = started(pose(), FilterConfig(still_hz=0.0)).update(measured, 1 / 30)
    for got, want in zip(out, measured, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.slow
@given(
    start=st.lists(st.floats(0, 1), min_size=20, max_size=20),
    seen=st.lists(st.floats(0, 1), min_size=20, max_size=20),
    turned=st.lists(st.floats(-4, 4), min_size=6, max_size=6),
    dt=st.floats(1e-3, 0.5),
    hz=st.floats(0, 100),
)
def test_what_leaves_is_a_valid_pose_between_both(start, seen, turned, dt, hz) -> None:
    first = PoseState(
        np.zeros(3), Rotation.from_rotvec(turned[:3]).as_matrix(), LOW + np.array(start) * (HIGH - LOW)
    )
    first = first._replace(angles=np.clip(first.angles, LOW, HIGH))
    measured = PoseState(
        np.ones(3),
        Rotation.from_rotvec(turned[3:]).as_matrix(),
        np.clip(LOW + np.array(seen) * (HIGH - LOW), LOW, HIGH),
    )
    out = started(first, FilterConfig(still_hz=hz)).update(measured, dt)
    assert ((out.angles >= LOW) & (out.angles <= HIGH)).all()
    np.testing.assert_allclose(out.rotation.T @ out.rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(out.rotation) == pytest.approx(1.0)
    assert ((out.translation >= 0) & (out.translation <= 1)).all()
    between = turn_between(first.rotation, out.rotation) + turn_between(out.rotation, measured.rotation)
    assert between == pytest.approx(turn_between(first.rotation, measured.rotation), abs=1e-6)


def noise_gain(hz: float, config: FilterConfig) -> float:
    """RMS over the 26 quantities of the smoothed noise against the measured one, a network's on a still hand."""
    rng, count = np.random.default_rng(3), int(60 * hz)
    noise = rng.normal(0, 1, (count, 26)) * np.repeat([0.0004, 0.014, 0.028], [3, 3, 20])
    seen = [
        PoseState(np.array([0, 0, 0.5]) + n[:3], Rotation.from_rotvec(n[3:6]).as_matrix(), MIDDLE + n[6:])
        for n in noise
    ]
    out = as_rows(run(seen, np.arange(count) / hz, config))[int(5 * hz) :]
    return float(np.sqrt((out.var(axis=0) / noise.var(axis=0)).mean()))


@pytest.mark.slow
@pytest.mark.parametrize("hz", RATES)
def test_noise_at_rest_shrinks_as_its_cut_off_promises(hz: float) -> None:
    # Of white noise a first-order low-pass of share a lets sqrt(a / (2 - a)) through.
    share = 1 - np.exp(-2 * np.pi * FIXED.still_hz / hz)
    assert noise_gain(hz, FIXED) == pytest.approx(np.sqrt(share / (2 - share)), rel=0.1)


@pytest.mark.slow
def test_still_hand_is_steadied_to_a_third_at_every_rate() -> None:
    gains = [noise_gain(hz, FilterConfig()) for hz in RATES]
    assert max(gains) < 1 / 3
    assert max(gains) < 1.6 * min(gains)


def moves(times: np.ndarray, seconds: float, along: float, turned: float, bent: float) -> list[PoseState]:
    """There and back again in minimum-jerk moves (Flash and Hogan 1985) of ``seconds`` each."""
    phase = np.abs((times / seconds + 1) % 2 - 1)
    share = phase**3 * (10 - 15 * phase + 6 * phase**2)
    return [pose(along * s, turned * s, bent * s) for s in share]


@pytest.mark.slow
@pytest.mark.parametrize("hz", RATES)
@pytest.mark.parametrize(
    ("along", "turned", "bent"),
    [(0.25, 0.0, 0.0), (0.15, 1.0, 0.3), (0.0, 0.0, 0.35)],
    ids=["palm", "hand", "fingers"],
)
def test_moving_hand_lags_by_less_than_a_frame(hz: float, along: float, turned: float, bent: float) -> None:
    times = np.arange(0, 5, 1 / hz)
    truth = moves(times, 0.6, along, turned, bent)
    out = run(truth, times, FilterConfig())
    assert lag_s(times, as_rows(truth), as_rows(out)) < 0.033


def test_stiller_hand_means_a_lower_cut_off() -> None:
    """The same 2 mm of error is passed on more when the hand has been moving."""
    config, times = FilterConfig(), np.arange(10) / 30
    shares = []
    for speed in (0.0, 0.1, 0.5):
        path = [pose(speed * t) for t in times]
        smoother = started(path[0], config)
        for measured in path[1:]:
            before = smoother.update(measured, 1 / 30).translation[1]
        seen = path[-1]._replace(translation=path[-1].translation + [speed / 30, 0.002, 0.0])
        shares.append((smoother.update(seen, 1 / 30).translation[1] - before) / 0.002)
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.slow
def test_rotation_stays_orthonormal_over_many_frames() -> None:
    rng, smoother = np.random.default_rng(0), started(pose())
    for turned in rng.normal(0, 1, (3000, 3)):
        seen = pose()._replace(rotation=Rotation.from_rotvec(turned).as_matrix())
        out = smoother.update(seen, 1 / 30)
    np.testing.assert_allclose(out.rotation.T @ out.rotation, np.eye(3), atol=1e-14)


def test_what_came_in_and_what_went_out_stay_as_they_were() -> None:
    smoother, first, measured = FilterConfig().build(), pose(), pose(0.1, 0.5, 0.1)
    before = smoother.update(first, np.inf)
    copies = [np.copy(x) for x in (*first, *before, *measured)]
    smoother.update(measured, 1 / 30)
    for now, copy in zip((*first, *before, *measured), copies, strict=True):
        np.testing.assert_array_equal(now, copy)


def test_after_a_reset_it_begins_as_a_new_one() -> None:
    used, new = started(pose(0.3, 1.0, 0.2)), FilterConfig().build()
    used.update(pose(0.4, 1.2, 0.1), 1 / 30)
    used.reset()
    for along in (0.0, 0.01, 0.03):
        for a, b in zip(used.update(pose(along), 1 / 30), new.update(pose(along), 1 / 30), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_refused_measurement_leaves_the_filter_as_it_was() -> None:
    used, new = started(pose()), started(pose())
    with pytest.raises(ValueError, match="dt_s"):
        used.update(pose(0.1), 0.0)
    with pytest.raises(ValueError, match="angles"):
        used.update(pose()._replace(angles=np.full(ANGLE_COUNT, np.nan)), 1 / 30)
    for a, b in zip(used.update(pose(0.02), 1 / 30), new.update(pose(0.02), 1 / 30), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dt", [0.0, -0.03, np.nan, np.inf])
def test_time_must_go_on(dt: float) -> None:
    with pytest.raises(ValueError, match="dt_s"):
        started(pose()).update(pose(), dt)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("translation", np.zeros(2)),
        ("rotation", np.full((3, 3), np.nan)),
        ("angles", np.zeros(ANGLE_COUNT + 1)),
    ],
)
def test_bad_measurement_is_named(field: str, value: np.ndarray) -> None:
    with pytest.raises(ValueError, match=field):
        started(pose()).update(pose()._replace(**{field: value}), 1 / 30)


@pytest.mark.parametrize("field", sorted(vars(FilterConfig())))
@pytest.mark.parametrize("value", [-1.0, np.nan, 1e6])
def test_config_names_a_field_that_makes_no_sense(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        FilterConfig(**{field: value})


def test_a_hand_that_sets_off_is_caught_up_with_at_once_and_noise_is_not() -> None:
    only = FilterConfig(**{**vars(FIXED), "catch_up_m": 0.012, "catch_up_rad": 0.7})
    far, at_limit, near = (
        started(pose(), only).update(pose(along=along), 1 / 30).translation[0]
        for along in (0.03, 0.012, 0.002)
    )
    plain = started(pose(), FIXED).update(pose(along=0.002), 1 / 30).translation[0]
    share = 1 - np.exp(-2 * np.pi * FIXED.still_hz / 30)
    assert far > 0.0299
    assert at_limit == pytest.approx(0.012 * (share + (1 - share) * (1 - np.exp(-1))))
    assert near == pytest.approx(plain, rel=0.02)
