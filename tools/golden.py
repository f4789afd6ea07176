"""Whether a change of the code changed a result: tracked frames, training samples and steps, fits, messages.

In: a checkout with its environment sourced. Out: a line with a hash for each part, and with ``--write FILE`` everything
that was hashed as an ``.npz``. ``--compare FILE`` compares with such a file, of the same machine, and names every array
that differs and by how much; exit status 1 when one does. Last bits differ with arithmetic units and thread counts.

    python tools/golden.py --write before.npz     # before the change
    python tools/golden.py --compare before.npz   # after it
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.commands.arguments import require_outputs
from hand_pose_ros.commands.main import exit_status
from hand_pose_ros.commands.train import sources
from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.full_scenes import FullFrameConfig
from hand_pose_ros.datasets.still_images import still_images
from hand_pose_ros.datasets.synthetic import Recrop, synthetic_source
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.evaluation.sensor_sets import HANDS, SENSORS, RenderedHands, SensorSet
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.solver import PoseSolver, SolverConfig
from hand_pose_ros.network.migration import RENAMED_MODULES
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.synthetic.sequences import VGA, bench_sequences
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.track_result import TrackResult
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.training.config import load_config
from hand_pose_ros.training.detector_config import load_detector_config
from hand_pose_ros.training.detector_task import detector_trainer
from hand_pose_ros.training.pose_task import pose_trainer
from hand_pose_ros.visualization.overlay import draw_overlay

ROOT = Path(__file__).resolve().parents[1]
DATA = "HAND_POSE_TEST_DATA"  # of the environment: the folder of data that are not in the repository (CONTRIBUTING.md)
KINECT_INTRINSICS = (363.9, 363.9, 255.4, 206.3)

_PICTURES = {
    "fists": 0.1, "stereo": 0.4, "views": {"egocentric": 0.1, "above": 0.1},
    "scene": {
        "mug": 0.2, "gripper": 0.2, "grasp": 0.3, "household": 0.2, "robot": 0.2, "furniture": 0.2, "stump": 0.2,
        "table_close": 0.2, "heap": 0.1,
    },
}  # fmt: skip
"""The detector's pictures with everything that may be in them."""

Arrays = dict[str, NDArray[np.generic]]


def hands_arrays(results: list[TrackResult]) -> Arrays:
    """Every field of every hand, refined and raw, frame after frame; NaN-free and in the order of the frames."""
    arrays: Arrays = {
        "count": np.array([len(result.hands) for result in results]),
        "state": np.array([int(result.state) for result in results]),
    }
    for name, hands in (
        ("refined", [hand for result in results for hand in result.hands]),
        ("raw", [hand for result in results for hand in result.raw]),
    ):
        for field in fields(Hand):
            values = [getattr(hand, field.name) for hand in hands]
            if values:
                arrays[f"{name}.{field.name}"] = np.array(values)
    return arrays


def tracked() -> Arrays:
    """300 synthetic frames: one hand moving, one that leaves and returns, two hands, and the demo's hand."""
    arrays: Arrays = {}
    by_name = {sequence.name: sequence for sequence in bench_sequences()}
    for name, hands, count in (("moving_1", 1, 100), ("leave_return_0", 1, 60), ("two_hands_2", 2, 100)):
        tracker = HandTracker(config=TrackerConfig(hands=hands))
        sequence, results = by_name[name], []
        renderer = sequence.open()
        for t in sequence.times()[:count]:
            results.append(tracker.update(renderer.frame(t).depth, sequence.camera, t))
        arrays |= {f"{name}.{key}": value for key, value in hands_arrays(results).items()}
    motion, tracker = SyntheticMotion(3, VGA, "left"), HandTracker()
    results = [tracker.update(motion.frame(i / 30)[0], VGA, i / 30) for i in range(40)]
    return arrays | {f"motion.{key}": value for key, value in hands_arrays(results).items()}


def kinect() -> Arrays:
    """120 real frames, where HAND_POSE_TEST_DATA says where they are."""
    folder = Path(os.environ.get(DATA, "")) / "real" / "kinect2"
    if not folder.is_dir():
        print(f"kinect: left out, there is no {folder}: {DATA} names the folder of real/")
        return {}
    frames, tracker = RecordedFrames.open(folder, KINECT_INTRINSICS), HandTracker()
    results = []
    for i in range(len(frames)):
        depth = frames[i].astype(np.float32) * np.float32(0.001)
        depth[depth == 0] = np.nan
        results.append(tracker.update(depth, frames.camera, i / 30))
    return hands_arrays(results)


def samples() -> Arrays:
    """256 training samples of the default recipe, 64 of them cropped again, and 8 whole pictures of the detector's."""
    config = load_config(ROOT / "config/train/without_stereo.yaml")
    source = synthetic_source(config.data, 0)
    arrays: Arrays = {}
    for seed in range(4):
        batch = source.batch(seed, 64)
        arrays |= {f"batch_{seed}.{key}": value for key, value in vars(batch).items()}
    recrop = Recrop(np.full((64, 3), 0.01), np.full(64, 0.3))
    arrays |= {f"again.{key}": value for key, value in vars(source.batch(9, 64, recrop)).items()}
    plain = type(source)(SyntheticConfig(split=VALIDATION_SPLIT)).batch(5, 16)
    arrays |= {f"plain.{key}": value for key, value in vars(plain).items()}
    pictures = FullFrames(FullFrameConfig(split=VALIDATION_SPLIT)).batch(5, 8)
    return arrays | {f"pictures.{key}": np.asarray(value) for key, value in vars(pictures).items()}


def scenes() -> Arrays:
    """What everything that renders draws: crops and whole pictures of the recipes with all their things, still
    pictures, frames of sequences, a moving hand's, and hands of the sensor sets as each sensor has them."""
    arrays: Arrays = {}
    data = dict(load_config(ROOT / "config/train/default.yaml").data)
    data["scene"] = {**data["scene"], "bench": 0.2}
    data["negatives"] = {**data["negatives"], "panels": 0.1}
    crops = synthetic_source(data, TRAINING_SPLIT)
    pictures = FullFrames(full_frame_config(_PICTURES, TRAINING_SPLIT))
    recrop = Recrop(np.full((64, 3), 0.01), np.full(64, 0.3))
    batches = {
        "crops": crops.batch(1, 64),
        "again": crops.batch(1, 64, recrop),
        "pictures": pictures.batch(3, 24),
    }
    for name, batch in batches.items():
        arrays |= {f"{name}.{key}": np.asarray(value) for key, value in vars(batch).items()}
    for number, image in enumerate(still_images(pictures, 4, 6)):
        arrays[f"still_{number}.depth"] = image.depth()
        for hand in image.hands:
            arrays[f"still_{number}.{hand.side}"] = np.append(
                hand.joints.ravel(), [hand.visible, hand.in_view]
            )
    for sequence in bench_sequences():
        for t in (0.5, 2.4):
            frame = sequence.open().frame(t)
            arrays[f"{sequence.name}.{t}.depth"] = frame.depth[::3, ::3]
            for truth in frame.hands:
                values = [np.ravel(value) for key, value in vars(truth).items() if key != "side"]
                arrays[f"{sequence.name}.{t}.{truth.side}"] = np.concatenate(values)
    for side in skeleton.SIDES:
        depth, joints = SyntheticMotion(9, VGA, side).frame(0.7)
        arrays |= {f"motion.{side}.depth": depth, f"motion.{side}.joints": joints}
    for doing in HANDS:
        rendered = RenderedHands(SensorSet(doing))[3]
        arrays |= {f"set.{doing}.{sensor}": rendered.depth(sensor) for sensor in SENSORS}
        arrays[f"set.{doing}.joints"] = rendered.joints
    return arrays


def first_name(key: str) -> str:
    """The name that a weight has in files of every age: the one under which it was stored at first."""
    part, dot, rest = key.partition(".")
    return {now: first for first, now in RENAMED_MODULES.items()}.get(part, part) + dot + rest


def steps() -> Arrays:
    """20 training steps of the default recipe with an averaged network, and 5 of the detector's."""
    arrays: Arrays = {}
    config = load_config(ROOT / "config/train/without_stereo.yaml")
    config = replace(
        config, minutes=0.0, samples=640, batch=32, threads=1, device="cpu", validation_samples=64,
        start=str(ROOT / config.start),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source, validation = sources(config, Path(folder))
        trainer = pose_trainer(config, source, folder, validation=validation)
        trainer.run()
        for name, network in (("pose", trainer.model), ("pose_average", trainer.average)):
            arrays |= {
                f"{name}.{first_name(key)}": value.numpy() for key, value in network.state_dict().items()
            }
    detector = load_detector_config(ROOT / "config/train/detector.yaml")
    detector = replace(
        detector,
        minutes=0.0,
        samples=80,
        batch=16,
        threads=1,
        device="cpu",
        validation_pictures=16,
        start="",
        prefetch=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = detector_trainer(detector, folder)
        run.run()
        state = run.average.state_dict()
        arrays |= {f"detector.{key}": value.numpy() for key, value in state.items()}
    return arrays


def fits() -> Arrays:
    """The solver on noisy joints of a synthetic hand: shape unknown, known, and with a frame before."""
    motion, rng = SyntheticMotion(5, VGA), np.random.default_rng(0)
    solver, arrays = PoseSolver(SolverConfig()), {}
    found, shape, before = [], None, None
    for i in range(30):
        joints = motion.truth(i / 30) + rng.normal(0, 0.003, (skeleton.JOINT_COUNT, 3))
        weights = (rng.random(skeleton.JOINT_COUNT) > 0.1).astype(float)
        solved = solver.solve(joints, weights, shape=shape, previous=before)
        before = solved.parameters
        shape = solved.shape if i == 10 else shape
        found.append(solved)
    for name in ("parameters", "rotation", "shape", "joints"):
        arrays[name] = np.array([getattr(solved, name) for solved in found])
    return arrays


def messages() -> Arrays:
    """One message of each type that the node publishes, value by value. Needs ROS."""
    from std_msgs.msg import Header

    from hand_pose_ros.nodes import conversions
    from hand_pose_ros.nodes.markers import HandMarkers

    tracker, motion = HandTracker(), SyntheticMotion(7, VGA)
    for i in range(10):
        depth = motion.frame(i / 30)[0]
        result = tracker.update(depth, VGA, i / 30)
    assert result.hands, "no hand was tracked: nothing to send"
    header = Header(frame_id="camera")
    header.stamp.sec = 12
    made = {
        "hands": conversions.hands_message(result.hands, int(result.state), header),
        "hand": conversions.hand_message(result.raw[0], header),
        "truth": conversions.truth_message(motion.truth(0.3), "left", header),
        "joint_state": conversions.joint_state(result.hands, header),
        "model_info": conversions.model_info_message("name", "hash"),
        "markers": HandMarkers().update(result.hands, header),
        "camera_info": conversions.camera_to_info(VGA, header),
        "overlay": conversions.image_from_rgb(draw_overlay(depth, VGA, result.hands), header),
    }
    for index, transform in enumerate(conversions.transforms(result.hands[0], header, True, "")):
        made[f"transform_{index}"] = transform
    return {f"{name}{path}": value for name, message in made.items() for path, value in field_values(message)}


def field_values(message: Any, path: str = "") -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every plain value in a message by its path. (The bytes on the wire do not compare: padding is not set.)"""
    if hasattr(message, "get_fields_and_field_types"):
        for name in message.get_fields_and_field_types():
            yield from field_values(getattr(message, name), f"{path}.{name}")
    elif isinstance(message, (list, tuple)) and message and hasattr(message[0], "get_fields_and_field_types"):
        for index, item in enumerate(message):
            yield from field_values(item, f"{path}[{index}]")
    else:
        yield path, np.asarray(message)


PARTS: dict[str, Callable[[], Arrays]] = {
    "tracked": tracked, "kinect": kinect, "samples": samples, "scenes": scenes, "steps": steps, "fits": fits,
    "messages": messages,
}  # fmt: skip


def digest(arrays: Arrays) -> str:
    """One hash of names, types, shapes and values."""
    total = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        total.update(f"{name} {value.dtype} {value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()[:16]


def differences(before: Arrays, now: Arrays) -> Iterator[str]:
    """A line for every array that is not the same to the bit."""
    for name in sorted(before.keys() | now.keys()):
        a, b = before.get(name), now.get(name)
        if a is None or b is None:
            yield f"{name}: only {'now' if a is None else 'before'}"
        elif a.shape != b.shape or a.dtype != b.dtype:
            yield f"{name}: {a.dtype}{a.shape} before, {b.dtype}{b.shape} now"
        elif a.tobytes() != b.tobytes():
            numbers = a.dtype.kind in "fiub"
            most = np.nanmax(np.abs(a.astype(float) - b.astype(float))) if numbers else np.nan
            yield f"{name}: differs, by {most:.3g} at most"


def main() -> int:
    """Entry point; exit status 1 where something differs from the file compared with."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="store what was hashed")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="compare with what was stored")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="only these")
    arguments = parser.parse_args()
    require_outputs(arguments.write, read=[arguments.compare])
    if arguments.compare:
        arguments.compare.stat()  # before the work, not after it
    torch.set_num_threads(1)
    now: Arrays = {}
    for part in arguments.parts:
        arrays = PARTS[part]()
        print(f"{part:10s} {digest(arrays)}  {len(arrays)} arrays", flush=True)
        now |= {f"{part}/{name}": value for name, value in arrays.items()}
    if arguments.write:
        np.savez(arguments.write, **now)  # type: ignore[arg-type]
    if arguments.compare:
        with np.load(arguments.compare) as stored:
            before = {n: stored[n] for n in stored.files if n.split("/")[0] in arguments.parts}
        lines = list(differences(before, now))
        print("\n".join(lines) or "the same to the bit")
        return 1 if lines else 0
    return 0


if __name__ == "__main__":
    sys.exit(exit_status("tools/golden.py", lambda _: main(), argparse.Namespace()))
