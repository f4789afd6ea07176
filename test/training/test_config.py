"""Training configurations: those shipped are valid, and every wrong field is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.resources import SHIPPED_MODELS, model_file
from hand_pose_ros.training.config import TrainConfig, config_from_dict, load_config
from hand_pose_ros.training.detector_config import load_detector_config

_FILES = (Path(__file__).parents[2] / "config" / "train").glob("*.yaml")
# Another network's have their own reader.
SHIPPED = sorted(path for path in _FILES if not path.stem.startswith("detector"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configurations_are_valid_and_named_like_their_files(path):
    config = load_config(path)
    assert config.name == path.stem
    assert config.data["size"] == config.network.crop_size
    assert config_from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_the_configuration_stored_in_shipped_weights_is_read_with_its_older_names(name):
    model, info = load_checkpoint(model_file(name))
    stored = info.training["config"]
    config = config_from_dict(stored)
    assert config.network == model.config
    loss, data = stored["loss"], stored["data"]
    assert config.loss.sigma == (loss["certainty"] if "certainty" in loss else loss["sigma"])
    assert config.data["negative_fraction"] == data["nothing" if "nothing" in data else "negative_fraction"]


def test_a_file_with_older_names_is_read_as_one_with_todays(tmp_path):
    files = {
        "old": "network: {feedback: 4}\nloss: {certainty: 0.2}\ndata: {nothing: 0.1}\n",
        "new": "network: {image_feedback: 4}\nloss: {sigma: 0.2}\ndata: {negative_fraction: 0.1}\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert load_config(tmp_path / "old.yaml") == load_config(tmp_path / "new.yaml")


def test_every_row_of_the_papers_is_shipped():
    configs = {path.stem: load_config(path) for path in SHIPPED}
    heads = {(c.network.architecture, c.network.head, c.loss.physical > 0) for c in configs.values()}
    assert {("deepmodel", "hand_model", True), ("deepmodel", "hand_model", False)} <= heads
    assert {(a, h) for a, h, _ in heads} >= {
        ("dense", "hand_model"), ("deepmodel", "direct_joint"), ("deepmodel", "direct_parameter"),
        ("sdnet", "direct_joint"),
    }  # fmt: skip
    assert configs["sdnet"].loss.skeleton == 0.5


OURS_ARE_OFF = dict.fromkeys(("coarse", "angle", "rotation", "shape", "skeleton"), 0.0)
HAND_MODEL = {"joint_form": "squared", "joint": 1.0, "physical": 10.0, "parameter": 0.0, **OURS_ARE_OFF}
SDNET = {"joint_form": "euclidean", "joint": 1.0, "skeleton": 0.5, "parameter": 0.0}
PAPER_LOSSES = {
    "deepmodel": HAND_MODEL,
    "icvl_deepmodel": HAND_MODEL,
    "nyu_deepmodel": HAND_MODEL,
    "deepmodel_without_physical": {**HAND_MODEL, "physical": 0.0},
    "deepmodel_direct_joint": {"joint_form": "squared", "joint": 1.0, "skeleton": 0.0, "parameter": 0.0},
    "deepmodel_direct_parameter": {"joint": 0.0, "physical": 0.0, "parameter": 1.0, **OURS_ARE_OFF},
    "sdnet": SDNET,
    "icvl_sdnet": SDNET,
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_the_papers_recipes_have_the_papers_losses(path):
    """Written out: with another form or weight of a loss a network trains as well, and nothing would tell."""
    config = load_config(path)
    architecture = config.network.architecture
    if architecture == "dense":
        return
    for name, value in PAPER_LOSSES[path.stem].items():
        assert getattr(config.loss, name) == value, name
    assert config.network.crop_size == {"deepmodel": 128, "sdnet": 224}[architecture]
    parts = config.loss.skeleton_difference
    assert (parts.alpha, parts.beta, parts.omega1, parts.omega2, parts.threshold) == (0.2, 0.2, 1.0, 1.0, 1.9)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"minuts": 3}, "minuts"),
        ({"minutes": "long"}, "minutes is 'long', want a number"),
        ({"minutes": 0, "samples": 0}, "want one of them above 0"),
        ({"batch": 1}, "batch is 1"),
        ({"batch": 10**12}, "batch is 1000000000000, want 2 to 65536"),
        ({"name": ""}, "name is '', want letters"),
        ({"name": "../up"}, "name is '../up', want letters"),
        ({"name": "/abs"}, "name is '/abs', want letters"),
        ({"device": "tpu"}, "device is 'tpu'"),
        ({"bf16": 3}, "bf16 is 3, want true or false"),
        ({"seed": -1}, "seed"),
        ({"network": {"depth": 4}}, "no field .network.depth."),
        ({"loss": {"joints": 1}}, "loss.joints"),
        ({"loss": {"skeleton_difference": {"gamma": 1}}}, "loss.skeleton_difference.gamma"),
        ({"loss": {"joint": 0, "coarse": 0}}, "all 0"),
        ({"optimiser": {"learning_rate": 0}}, "optimiser.learning_rate is 0"),
        ({"data": {"size": 64}}, "data.size is 64, want the network's 96"),
        ({"data": 3}, "data is 3, want a mapping"),
        (
            {"network": {"architecture": "deepmodel", "head": "direct_parameter"}},
            "wants loss.parameter above 0",
        ),
        ({"network": {"head": "direct_joint"}, "loss": {"parameter": 1}}, "it has no parameters"),
    ],
)
def test_wrong_fields_are_named(values, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        config_from_dict(values)
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ValueError, match=r"wrong\.yaml: "):
        load_config(path)


@pytest.mark.parametrize("load", [load_config, load_detector_config])
@pytest.mark.parametrize("text", ["", "# all of it is a remark\n", "{}"])
def test_a_file_without_any_field_starts_no_run_of_hours(text, load, tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"empty\.yaml: holds no field"):
        load(path)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "just words"])
def test_files_that_are_not_a_mapping_are_named(text, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.yaml"):
        load_config(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml: cannot read"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("section", ["network", "loss"])
@pytest.mark.parametrize("value", [5, [1], "text"])
def test_a_section_that_is_no_mapping_is_named(section: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{section} is .*, want a mapping of fields$"):
        config_from_dict({section: value})


@pytest.mark.parametrize(
    "field, value",
    [
        ("minutes", float("nan")), ("minutes", float("inf")), ("samples", 1.5), ("batch", 64.5), ("batch", 64.0),
        ("seed", 1.5), ("seed", float("nan")), ("threads", 0.5), ("prefetch", float("inf")), ("device", 3),
        ("validation_minutes", float("nan")), ("bf16", 1), ("name", 7), ("validation_samples", 10.5),
    ],
)  # fmt: skip
def test_every_number_of_a_recipe_is_checked(field, value):
    with pytest.raises(ValueError, match=field):
        TrainConfig(**{"samples": 10, field: value})


@pytest.mark.parametrize(
    "text, message",
    [
        ("minutes: .nan", "recipe.yaml: minutes is nan, want a finite number"),
        ("data: {colour: 3}", "recipe.yaml: data: no field 'colour', want one of split, families"),
        ("data: {identities: 2.5}", "recipe.yaml: data: identities is 2.5, want a whole number"),
        ("data: {scene: {plan: 1}}", "recipe.yaml: data: no field 'scene.plan', want one of plane"),
        ("dataset: icvl\nroot: x\ndata: {turned: 1}", "recipe.yaml: no field 'data.turned'"),
        ("a: 1\nb: [1,\nc: 2", "recipe.yaml: cannot read the training configuration: line 3: "),
        ("a: 1\n\tb: 2", "recipe.yaml: cannot read the training configuration: line 2: "),
        pytest.param(5000 * "[", "recipe.yaml: cannot read the training configuration: ", id="deep"),
        ("loss: {joint: .inf}", "recipe.yaml: loss.joint is inf, want a finite number"),
        ("optimiser: {warmup_samples: 0.5}", "recipe.yaml: optimiser.warmup_samples is 0.5, want a whole"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_one_line_with_its_file(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as refused:
        load_config(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
