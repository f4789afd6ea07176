"""Arguments that several sub-commands share."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import pytest

from hand_pose_ros.commands.arguments import (
    depth_unit,
    intrinsics,
    minutes,
    model_parameter,
    positive_float,
    positive_int,
    rate_hz,
    require_all,
    require_outputs,
    seed_int,
    share,
)
from hand_pose_ros.commands.main import COMMANDS, main
from hand_pose_ros.resources import model_file, resource


def test_intrinsics_are_four_numbers() -> None:
    assert intrinsics("475,475.5,320,240") == (475.0, 475.5, 320.0, 240.0)
    for text in ("1,2,3", "1,2,3,4,5", "a,b,c,d", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="four numbers in pixels"):
            intrinsics(text)


def test_the_first_requirement_that_is_not_met_is_named() -> None:
    require_all((True, "a"), (True, "b"))
    with pytest.raises(ValueError, match="^b$"):
        require_all((True, "a"), (False, "b"), (False, "c"))


@pytest.mark.parametrize(
    "read, right, wrong",
    [
        (positive_int, ["1", "12"], ["0", "-1", "1.5", "nan", "inf", "", "1e3", "x", "9" * 5000]),
        (seed_int, ["0", "1048575"], ["-1", "1048576", "0.5", "nan"]),
        (positive_float, ["1e-3", "7"], ["0", "-1", "nan", "inf", "-inf", "1e999", "x", ""]),
        (share, ["0", "0.5", "1"], ["-0.1", "1.1", "nan"]),
        (depth_unit, ["0.001", "1e-6"], ["0", "inf", "nan", "1", "1e-300"]),
        (rate_hz, ["30", "0.5"], ["0", "1e-300", "1e300", "nan"]),
        (minutes, ["0.5"], ["0", "nan", ".nan", "inf", "-1", "1e300"]),
    ],
)
def test_every_number_is_finite_and_in_range(read, right, wrong) -> None:
    for text in right:
        assert read(text) == float(text)
    for text in wrong:
        with pytest.raises(argparse.ArgumentTypeError, match="^is .*, want a"):
            read(text)


@pytest.mark.parametrize(
    "text", ["1e300,1,1,1", "1,1,nan,1", "inf,1,1,1", "0,1,1,1", "-5,1,1,1", "1,1,1,1e300"]
)
def test_intrinsics_are_a_cameras(text) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="four numbers in pixels"):
        intrinsics(text)


def test_outputs_are_tried_before_the_work(tmp_path: Path) -> None:
    require_outputs(tmp_path / "new" / "further" / "a.json", None)
    assert list(tmp_path.iterdir()) == []  # a command that is refused after it leaves nothing
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        require_outputs(tmp_path / "file" / "a.json")
    with pytest.raises(OSError, match="is a folder"):
        require_outputs(tmp_path)


def test_an_output_takes_the_place_of_no_input_and_of_no_other_output(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("")
    (tmp_path / "link.txt").symlink_to("labels.txt")
    require_outputs(tmp_path / "a.json", tmp_path / "b.json", None, read=[tmp_path / "labels.txt", None])
    for name in ("labels.txt", "link.txt"):
        with pytest.raises(ValueError, match="is read, want another file"):
            require_outputs(tmp_path / name, read=[tmp_path / "labels.txt"])
    with pytest.raises(ValueError, match="two files to write"):
        require_outputs(tmp_path / "a.json", tmp_path / "a.json")


@pytest.mark.parametrize(
    "arguments",
    [
        "fit --dataset icvl --groundtruth FILE --json FILE",
        "fit --dataset icvl --groundtruth FILE --output FILE",
        "evaluate --dataset icvl --groundtruth FILE --predictions other --json FILE",
        "evaluate --dataset icvl --groundtruth other --predictions a=FILE --json FILE",
        "evaluate --checkpoint a=FILE --json FILE",
        "evaluate --checkpoint small --recipe FILE --json FILE",
        "evaluate-detector --weights FILE --json FILE",
        "evaluate-detector --search --recipe FILE --json FILE",
        "evaluate-sensors --model FILE --json FILE",
        "bench refine --model FILE --json FILE",
        "bench retarget --robots FILE --output FILE",
        "refine-weights --checkpoint FILE --output FILE",
        "train-detector --config FILE --ship FILE",
        "compare-runs FILE other --json FILE",
    ],
)
def test_no_command_writes_over_what_it_reads(
    arguments: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_text("mine")
    assert (
        main([str(path) if word == "FILE" else word.replace("FILE", str(path)) for word in arguments.split()])
        == 2
    )
    assert "is read, want another file" in capsys.readouterr().err
    assert path.read_text() == "mine"


WEIGHTS = {
    "bench soak": "--model", "bench latency": "--model", "calibrate": "--model", "doctor": "--model",
    "evaluate-detector": "--weights", "evaluate-sensors": "--model", "export": "--checkpoint",
    "refine-weights": "--checkpoint", "surface-weights": "--weights",
}  # fmt: skip
"""Commands and their options that take weights; evaluate has names besides, replay hands them on to the tracker."""


@pytest.mark.parametrize("command, option", WEIGHTS.items())
def test_commands_take_shipped_weights_by_name(command: str, option: str) -> None:
    name, *more = command.split()
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[name][1]).add_arguments(parser)

    def given(text: str) -> object:
        return getattr(parser.parse_args([*more, option, text]), option.removeprefix("--"))

    assert given("small") == resource("models", "small.safetensors")
    assert given("./small") == Path("small")  # a file in the working directory


def test_nodes_get_the_shipped_weights_that_a_command_is_given() -> None:
    assert model_parameter(model_file("small")) == str(resource("models", "small.safetensors"))
    assert model_parameter(None) == ""
