"""Training one design with one seed, in as many goes as it takes, and measuring it.

In: :class:`SweepConfig`, a design, a seed, a folder. Out: in the folder, ``<design>.seed<k>.json`` for every finished
run; under ``work/`` the weights and the curve of each, and the state of those that are not finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import read_mapping
from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.datasets.torch_batch import Source
from hand_pose_ros.evaluation.hardware_info import hardware_info
from hand_pose_ros.files import write_json
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.training.config import TrainConfig
from hand_pose_ros.training.hooks import SeededSteps, StopAt, Stopped
from hand_pose_ros.training.pose_task import WEIGHTS, PoseTrainer, pose_trainer
from research.architecture_sweep.config import Design, SweepConfig
from research.architecture_sweep.measures import (
    crop_time_ms,
    evaluate_design,
    evaluation_data,
    multiply_adds,
    parameter_count,
)
from research.run_manifest import read_result, require_settings, settings_of

TIMED_RUNS = 200
"""Crops whose time is taken."""

MakeSource = Callable[[Mapping[str, Any], int], Source]
Stop = Callable[[], bool]


def design_trainer(
    config: TrainConfig, source: Source, output: Path, stop: Stop, validation: Source
) -> PoseTrainer:
    """A run that can be asked to stop, and goes on when there is a state to go on from.

    Its result does not depend on where it was stopped: every step has a random seed of its own. ValueError when the
    state was made with other settings.
    """
    state = output / "state.safetensors"
    if state.exists():
        stored = read_mapping(output / "config.yaml", "the run's configuration")
        require_settings(state, stored, settings_of(config))
    return pose_trainer(config, source, output, state.exists(), validation, [StopAt(stop), SeededSteps()])


def result_path(output: Path, design: Design, seed: int) -> Path:
    """The file of a finished run."""
    return output / f"{design.name}.seed{seed}.json"


def finished_result(sweep: SweepConfig, design: Design, seed: int, output: Path) -> dict[str, Any] | None:
    """A finished run, None when there is none. ValueError when it was made with other settings."""
    path = result_path(output, design, seed)
    return read_result(path, _settings(sweep, design, seed)) if path.exists() else None


def train_design(
    sweep: SweepConfig,
    design: Design,
    seed: int,
    output: Path,
    stop: Stop = lambda: False,
    make_source: MakeSource = synthetic_source,
) -> bool:
    """Train and measure one design, unless that is done; True when it is finished.

    Stopped, it keeps what is needed to go on. ValueError when what is there was made with other settings.
    """
    if finished_result(sweep, design, seed, output) is not None:
        return True
    if stop():
        return False
    config = sweep.training(design, seed)
    source, validation = (make_source(config.data, split) for split in (TRAINING_SPLIT, VALIDATION_SPLIT))
    run = design_trainer(config, source, _work(output, design, seed), stop, validation)
    source.batch(
        training_seed(seed, 0), config.batch
    )  # subjects and kernels are made before the clock starts
    try:
        run.run()
    except Stopped:
        print(f"{design.name} seed {seed}: stopped at {run.samples} samples, goes on from there", flush=True)
        return False
    held_out = make_source(evaluation_data(config.network), VALIDATION_SPLIT)
    model, _ = load_checkpoint(run.output / WEIGHTS, run.device)
    figures = evaluate_design(model, held_out, sweep.evaluation_samples)
    result = {
        "design": design.name,
        "seed": seed,
        "samples": run.samples,
        "minutes": round(run.used_s / 60, 2),
        "parameters": parameter_count(model),
        "multiply_adds": multiply_adds(model),
        "time_ms": crop_time_ms(model, TIMED_RUNS),
        "figures": figures,
        "hardware": hardware_info(run.device),
        "config": _settings(sweep, design, seed),
    }
    write_json(result_path(output, design, seed), result)
    run.state_path.unlink()
    print(f"{design.name} seed {seed}: finished, mean error {figures['mean_mm']:.2f} mm", flush=True)
    return True


def time_again(sweep: SweepConfig, design: Design, seed: int, output: Path) -> None:
    """Take the time of a finished run's network anew; of one that is not finished, nothing."""
    result = finished_result(sweep, design, seed, output)
    if result is not None:
        model, _ = load_checkpoint(_work(output, design, seed) / WEIGHTS)
        result["time_ms"] = crop_time_ms(model, TIMED_RUNS)
        write_json(result_path(output, design, seed), result)


def _work(output: Path, design: Design, seed: int) -> Path:
    return output / "work" / f"{design.name}.seed{seed}"


def _settings(sweep: SweepConfig, design: Design, seed: int) -> dict[str, Any]:
    return settings_of(sweep.training(design, seed), evaluation_samples=sweep.evaluation_samples)
