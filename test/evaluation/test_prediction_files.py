"""Published prediction files: exact figures of the literature, and every kind of damaged file."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.benchmarks import ICVL, MSRA, NYU, Benchmark, to_camera
from hand_pose_ros.datasets.sample import DatasetError
from hand_pose_ros.evaluation.metrics import bone_spread_mm, evaluate
from hand_pose_ros.evaluation.prediction_files import read_predictions, write_predictions


def line(benchmark: Benchmark, seed: int = 0) -> str:
    """A line of plausible numbers."""
    rng = np.random.default_rng(seed)
    uvd = rng.uniform([40, 40, 300], [200, 200, 500], (benchmark.joint_count, 3))
    return " ".join(f"{v:.3f}" for v in uvd.ravel())


@pytest.mark.slow
@pytest.mark.parametrize(
    "benchmark, method, mean, within_20, within_40",
    [
        (ICVL, "lrf", 12.578, 20.74, 70.86),
        (ICVL, "deepmodel", 11.561, 49.94, 84.02),
        (ICVL, "pose_ren", 6.791, 77.69, 95.30),
        (NYU, "deepmodel", 17.036, 18.97, 58.20),
        (NYU, "deepprior_pp", 12.238, 44.72, 83.53),
    ],
)
def test_published_figures_are_met(others_data, benchmark, method, mean, within_20, within_40):
    truth = read_predictions(others_data(f"published/{benchmark.name}/groundtruth.txt"), benchmark)
    joints = read_predictions(others_data(f"published/{benchmark.name}/{method}.txt"), benchmark)
    result = evaluate(method, joints, truth, benchmark.labels)
    assert result.frames == benchmark.sequences[-1].stop
    assert result.error_mm == pytest.approx(mean, abs=0.001)
    assert 100 * result.success[0] == pytest.approx(within_20, abs=0.006)
    assert 100 * result.success[1] == pytest.approx(within_40, abs=0.006)


@pytest.mark.slow
def test_a_fixed_skeleton_is_recognised_as_one(others_data):
    joints = read_predictions(others_data("published/nyu/deepmodel.txt"), NYU)
    assert bone_spread_mm(joints, NYU.bones, NYU.sequences).max() < 0.01


def test_a_hand_made_file_gives_hand_worked_positions(tmp_path):
    numbers = ["160", "120", "500"] * 15 + ["400.99", "360.96", "241"]
    path = tmp_path / "made.txt"
    path.write_text(" ".join(numbers) + "\n" + "some/image.png " + " ".join(numbers) + "\n\n")
    joints = read_predictions(path, ICVL)
    assert joints.shape == (2, 16, 3)
    np.testing.assert_allclose(joints[:, 0], [[0.0, 0.0, 0.5]] * 2)
    # 240.99 px to the right at fx 240.99 and 241 mm: 241 mm to the right; likewise 240.96 px down.
    np.testing.assert_allclose(joints[:, 15], [[0.241, 0.241, 0.241]] * 2)


def test_a_known_error_comes_back_through_files(tmp_path):
    truth = to_camera(np.tile([170.0, 110.0, 400.0], (3, 16, 1)), ICVL.camera)
    off = truth + [0.0, 0.0, 0.012]
    write_predictions(tmp_path / "t.txt", truth, ICVL)
    write_predictions(tmp_path / "p.txt", off, ICVL)
    result = evaluate(
        "p",
        read_predictions(tmp_path / "p.txt", ICVL),
        read_predictions(tmp_path / "t.txt", ICVL),
        ICVL.labels,
    )
    assert result.error_mm == pytest.approx(12.0, abs=0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.txt", "t.txt"]


@pytest.mark.parametrize(
    "damage, where, what",
    [
        (lambda rows: [rows[0], rows[1].rsplit(" ", 1)[0], rows[2]], "line 2", "47 numbers, want 48"),
        (lambda rows: [rows[0], rows[1], rows[2] + " 1"], "line 3", "49 numbers, want 48"),
        (lambda rows: [rows[0], "", rows[2]], "line 2", "0 numbers, want 48"),
        (lambda rows: [rows[0].replace(" ", " x", 1), *rows[1:]], "line 1", "is not a number"),
        (lambda rows: ["nan " + rows[0].split(" ", 1)[1], *rows[1:]], "line 1", "not finite"),
        (
            lambda rows: [rows[0], " ".join(["0"] * 48), rows[2]],
            "line 2",
            "depth is 0, want millimetres above 0",
        ),
        (
            lambda rows: [rows[0], " ".join(["-1"] * 48), rows[2]],
            "line 2",
            "depth is -1, want millimetres above",
        ),
        (lambda rows: [], "bad.txt", "no frames"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path, damage, where, what):
    path = tmp_path / "bad.txt"
    path.write_text("\n".join(damage([line(ICVL, i) for i in range(3)])))
    with pytest.raises(DatasetError) as caught:
        read_predictions(path, ICVL)
    assert "bad.txt" in str(caught.value)
    assert where in str(caught.value)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("benchmark", [ICVL, NYU, MSRA])
def test_joints_in_metres_or_as_x_y_z_are_refused(tmp_path, benchmark):
    uvd = np.array(line(benchmark).split(), dtype=float).reshape(-1, 3)
    uvd[:, :2] += [benchmark.camera.width / 2 - 120, benchmark.camera.height / 2 - 120]
    xyz = to_camera(uvd, benchmark.camera)
    path = tmp_path / "p.txt"
    for values, what in (
        (xyz, "want u, v in pixels"),
        (1000 * xyz, "want u, v in pixels"),
        (uvd * [1, 1, 1e-3], "want millimetres"),
    ):
        path.write_text(" ".join(map(str, values.ravel())))
        with pytest.raises(DatasetError, match=what):
            read_predictions(path, benchmark)


def test_a_byte_order_mark_is_no_part_of_the_first_number(tmp_path):
    text = line(ICVL)
    (tmp_path / "plain.txt").write_bytes(text.encode())
    (tmp_path / "marked.txt").write_bytes(("\ufeff" + text.replace(" ", "\t") + "\r\n").encode())
    plain, marked = (read_predictions(tmp_path / f"{name}.txt", ICVL) for name in ("plain", "marked"))
    np.testing.assert_array_equal(marked, plain)


def test_what_is_no_text_file_is_refused(tmp_path):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DatasetError, match="not a text file"):
        read_predictions(tmp_path / "binary.txt", NYU)
    with pytest.raises(DatasetError, match=r"absent\.txt: cannot be read"):
        read_predictions(tmp_path / "absent.txt", NYU)
    with pytest.raises(ValueError, match="want \\(frames, 14, 3\\)"):
        write_predictions(tmp_path / "out.txt", np.zeros((2, 16, 3)), NYU)
