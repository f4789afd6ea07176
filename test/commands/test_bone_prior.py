"""The command that trains the prior of bone lengths writes one that can be loaded and says what it is from."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.commands import bone_prior
from hand_pose_ros.commands import main as cli
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.hand.skeleton import BONES
from hand_pose_ros.refine.bone_prior import load_bone_prior
from hand_pose_ros.resources import resource
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.tuning.bone_prior import label_lengths


@pytest.mark.slow
def test_prior_of_few_people_is_written_and_reported(tmp_path: Path, capsys) -> None:
    path = tmp_path / "prior.json"
    assert cli.main(["bone-prior", "--samples", "60", "--output", str(path)]) == 0
    prior = load_bone_prior(path)
    assert prior.trained_on["subjects"] == 60
    assert prior.trained_on["split"] == 0
    lengths = label_lengths(SyntheticConfig(split=TRAINING_SPLIT, identities=30))
    assert lengths.shape == (60, len(BONES))
    assert np.median(prior.score(lengths)) > 0.3
    assert "60 subjects" in capsys.readouterr().out


def test_too_few_people_end_in_one_line(tmp_path: Path, capsys) -> None:
    path = tmp_path / "prior.json"
    assert cli.main(["bone-prior", "--samples", "4", "--output", str(path)]) == 2
    assert not path.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert "--samples is 4, want a whole number, at least 50" in line


def test_no_shipped_file_is_replaced_unless_it_is_named(capsys) -> None:
    parser = argparse.ArgumentParser()
    bone_prior.add_arguments(parser)
    output = parser.parse_args([]).output
    with pytest.raises(FileNotFoundError):
        resource(output)
    with pytest.raises(SystemExit):
        cli.main(["bone-prior", "--help"])
    assert f"file to write (default: {output})" in capsys.readouterr().out
