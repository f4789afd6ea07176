"""Weights files: what is written is what is read, and every damaged or foreign file is named and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from hand_pose_ros.hand import skeleton
from hand_pose_ros.network import checkpoint
from hand_pose_ros.network.checkpoint import (
    load_checkpoint,
    load_model,
    read_tensors,
    save_checkpoint,
    write_tensors,
)
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.weights_file import CheckpointError, read_info, read_weights

TINY = NetworkConfig(widths=(8, 16, 16, 16), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=32, crop_size=64)


@pytest.fixture(scope="module")
def model() -> HandNet:
    torch.manual_seed(3)
    return HandNet(TINY).eval()


@pytest.fixture
def weights(model, tmp_path) -> Path:
    save_checkpoint(tmp_path / "hand.safetensors", model, {"seed": 7, "samples": 100})
    return tmp_path / "hand.safetensors"


def rewrite(path: Path, **changes: str | None) -> None:
    """Change metadata of a weights file, keeping its tensors; None removes an entry."""
    tensors, metadata = read_tensors(path)
    metadata.update({key: value for key, value in changes.items() if value is not None})
    for key in [key for key, value in changes.items() if value is None]:
        del metadata[key]
    write_tensors(path, tensors, metadata)


def test_a_loaded_model_computes_what_the_saved_one_did(model, weights):
    loaded, info = load_checkpoint(weights)
    crop, distance = torch.rand(2, 1, 64, 64), torch.tensor([0.4, 0.8])
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded(crop, distance).joints, model(crop, distance).joints, atol=1e-6, rtol=1e-5
        )
    assert info.name == "hand"
    assert info.architecture == "dense"
    assert info.network == TINY
    assert info.training == {"seed": 7, "samples": 100}
    assert info.normalisation["cube_m"] == TINY.cube_m
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_half_precision_halves_the_file_and_moves_joints_little(model, weights, tmp_path):
    small = tmp_path / "half.safetensors"
    save_checkpoint(small, model, half=True)
    assert small.stat().st_size < 0.65 * weights.stat().st_size
    crop, distance = torch.rand(2, 1, 64, 64), torch.tensor([0.4, 0.8])
    loaded = load_model(small)
    with torch.inference_mode():
        difference = (loaded(crop, distance).joints - model(crop, distance).joints).abs().max()
    assert next(loaded.parameters()).dtype == torch.float32
    assert difference < 0.002


def test_the_hash_names_the_content(model, tmp_path):
    first = save_checkpoint(tmp_path / "a.safetensors", model)
    second = save_checkpoint(tmp_path / "b.safetensors", model)
    torch.manual_seed(4)
    other = save_checkpoint(tmp_path / "c.safetensors", HandNet(TINY))
    assert first.sha256 == second.sha256 != other.sha256


def test_no_temporary_file_is_left(weights):
    assert [p.name for p in weights.parent.iterdir()] == [weights.name]


@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_arrays_are_the_tensors(tmp_path, kind):
    tensors = {
        "b": torch.arange(6).reshape(2, 3).to(kind),
        "a": torch.tensor(7),
        "none": torch.zeros(0, 4).to(kind),
    }
    write_tensors(tmp_path / "w.safetensors", tensors, {})
    arrays = read_weights(tmp_path / "w.safetensors")
    assert list(arrays) == ["a", "b", "none"]
    for name, tensor in tensors.items():
        assert arrays[name].dtype == tensor.numpy().dtype
        assert arrays[name].shape == tuple(tensor.shape)
        assert (arrays[name] == tensor.numpy()).all()


def test_what_numpy_has_no_type_for_is_named(tmp_path):
    write_tensors(tmp_path / "w.safetensors", {"votes.bias": torch.zeros(3, dtype=torch.bfloat16)}, {})
    with pytest.raises(CheckpointError, match=r"tensor 'votes\.bias' is no array of BF16 of shape \(3,\)"):
        read_weights(tmp_path / "w.safetensors")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.safetensors: no such file"):
        load_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize("read", [load_model, read_info])
def test_a_misspelt_name_is_told_the_right_ones(read):
    with pytest.raises(
        CheckpointError, match=r"smal: no such file, want .* or one of default, small, detector"
    ):
        read("smal")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "new\nline"])
def test_a_name_that_no_file_can_have_is_refused_in_one_short_line(name: str):
    with pytest.raises(CheckpointError, match="want a weights file") as raised:
        load_checkpoint(Path(name))
    assert len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("keep", [0, 5, 100])
def test_a_truncated_file_is_refused(weights, keep):
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"hand\.safetensors: not a readable safetensors file"):
        load_model(weights)


def test_flipped_bits_are_noticed(weights):
    content = bytearray(weights.read_bytes())
    content[-100] ^= 0x10
    weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"hand\.safetensors: content hash"):
        load_model(weights)


def test_a_foreign_file_is_refused(weights):
    rewrite(weights, format="other")
    with pytest.raises(CheckpointError, match="format is 'other'"):
        load_model(weights)


@pytest.mark.parametrize("field", ["network", "normalisation", "training", "name"])
def test_missing_metadata_is_named(weights, field):
    rewrite(weights, **{field: None})
    with pytest.raises(CheckpointError, match=f"metadata lacks '{field}'"):
        load_model(weights)


def test_another_architecture_is_refused(weights):
    rewrite(weights, architecture="transformer")
    with pytest.raises(CheckpointError, match="architecture is 'transformer', want one of dense"):
        load_model(weights)


def test_weights_that_do_not_fit_their_configuration_are_named(weights):
    wider = {**TINY.to_dict(), "ik_hidden": 64}
    rewrite(weights, network=json.dumps(wider))
    with pytest.raises(CheckpointError, match=r"weight '.*' has shape .* want .* for architecture 'dense'"):
        load_model(weights)


def test_other_joints_are_refused(weights):
    names = list(skeleton.JOINT_NAMES)
    names[5] = "nose"
    rewrite(weights, joint_names=json.dumps(names))
    with pytest.raises(CheckpointError, match="joint_names has 'nose' at 5, want 'thumb_ip'"):
        load_model(weights)
    rewrite(weights, joint_names=json.dumps(names[:4]))
    with pytest.raises(CheckpointError, match="joint_names has 4 names, want 23"):
        load_model(weights)


def test_another_normalisation_is_refused(weights):
    rewrite(weights, normalisation=json.dumps({"crop_size": 64, "cube_m": 0.25}))
    with pytest.raises(CheckpointError, match="input normalisation"):
        load_model(weights)


@pytest.mark.slow
def test_every_network_can_be_stored(tmp_path):
    for head in ("direct_joint", "hand_model", "direct_parameter"):
        config = NetworkConfig(architecture="deepmodel", head=head, crop_size=64)
        save_checkpoint(tmp_path / f"{head}.safetensors", HandNet(config), half=True)
        assert load_checkpoint(tmp_path / f"{head}.safetensors")[1].network == config


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ik_steps": 10_000_000}, "network.ik_steps is 10000000, want a whole number, 1 to 32"),
        ({"ik_hidden": 1e300}, "network.ik_hidden is 1e\\+300, want a whole number"),
        ({"widths": [8, 16, 16, 10**9]}, "network.widths is .*, want 4 whole numbers"),
        ({"widths": [8, 16.5, 16, 16]}, "network.widths"),
        ({"widths": 8}, "network.widths is 8, want a list"),
        ({"blocks": [0, 0, 1e6]}, "network.blocks"),
        ({"crop_size": float("inf")}, "network.crop_size"),
        ({"crop_size": 2**40}, "network.crop_size"),
        ({"cube_m": float("nan")}, "network.cube_m"),
        ({"image_feedback": -1}, "network.image_feedback"),
        ({"presence": 1}, "network.presence is 1, want true or false"),
        ({"head": 7 * ["x"]}, "network.head"),
        ({"more": "\x1b[31m" + 5000 * "x"}, "no field 'network.more'"),
    ],
)
def test_a_network_that_no_machine_holds_is_never_built(weights, monkeypatch, change, message):
    rewrite(weights, network=json.dumps({**TINY.to_dict(), **change}))
    monkeypatch.setattr("hand_pose_ros.network.checkpoint.HandNet", None)
    with pytest.raises(CheckpointError, match=message) as refused:
        load_model(weights)
    assert "hand.safetensors" in str(refused.value)
    assert len(str(refused.value)) < 900
    assert "\x1b" not in str(refused.value)


def test_a_larger_network_than_the_file_holds_takes_no_memory(weights):
    rewrite(weights, network=json.dumps({**TINY.to_dict(), "widths": [4096] * 4, "blocks": [32] * 3}))
    with pytest.raises(
        CheckpointError, match=r"it has \d+ weights, want at least 29444015104 for architecture 'dense'"
    ):
        load_model(weights)


def test_a_network_that_is_a_little_larger_is_refused_by_the_weight(weights):
    rewrite(weights, network=json.dumps({**TINY.to_dict(), "ik_hidden": TINY.ik_hidden + 1}))
    with pytest.raises(CheckpointError, match=r"weight '.*' has shape .* want"):
        load_model(weights)


@pytest.mark.parametrize(
    "change", [{}, {"head": "direct_joint"}, {"image_feedback": 16}, {"ik_steps": 1}, {"blocks": (2, 0, 3)}]
)
def test_a_network_has_at_least_the_weights_that_its_configuration_says(change):
    config = NetworkConfig(**change)
    have = sum(parameter.numel() for parameter in HandNet(config).parameters())
    assert 0.5 * have < config.least_weights <= have


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(model, tmp_path, value):
    broken = HandNet(TINY)
    with torch.no_grad():
        broken.votes.weight[0, 0] = value
    save_checkpoint(tmp_path / "nan.safetensors", broken)
    with pytest.raises(CheckpointError, match=r"nan\.safetensors: weight 'votes.weight' holds .* not finite"):
        load_model(tmp_path / "nan.safetensors")


def test_a_variance_below_zero_is_refused(tmp_path):
    broken = HandNet(TINY)
    key = next(key for key in broken.state_dict() if key.endswith("running_var"))
    broken.state_dict()[key].fill_(-1.0)
    save_checkpoint(tmp_path / "var.safetensors", broken)
    with pytest.raises(CheckpointError, match=f"weight '{key}' holds a variance below 0"):
        load_model(tmp_path / "var.safetensors")


def test_an_architecture_that_is_not_its_networks_is_refused(weights):
    rewrite(weights, architecture="sdnet")
    with pytest.raises(CheckpointError, match="hand.safetensors: architecture is 'sdnet', want 'dense'"):
        load_model(weights)


@pytest.mark.parametrize("field", ["network", "normalisation", "training", "calibration"])
@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", 100_000 * "[", '{"a": NaN', "\x00"])
def test_metadata_of_any_kind_end_in_one_line(weights, field, text):
    rewrite(weights, **{field: text})
    with pytest.raises(CheckpointError, match="hand.safetensors: ") as refused:
        load_model(weights)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("part", ["dtype", "shape", "data_offsets"])
@pytest.mark.parametrize(
    "value", ["1e999", "[1e999, 2]", "[NaN]", "null", "{}", '"x"', "[-5, 10]", "[0, 1e40]"]
)
def test_a_header_of_any_kind_ends_in_one_line(weights, part, value):
    data = weights.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    next(entry for entry in header.values() if entry.get("shape"))[part] = "HERE"
    text = json.dumps(header).replace('"HERE"', value).encode()
    weights.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
    for read in (read_info, load_model):
        with pytest.raises(CheckpointError, match="hand.safetensors: ") as refused:
            read(weights)
        assert "\n" not in str(refused.value)


def test_a_file_too_large_is_not_read(weights, monkeypatch):
    monkeypatch.setattr("hand_pose_ros.network.weights_file.MOST_WEIGHTS_BYTES", 100)
    with pytest.raises(CheckpointError, match="bytes, want at most 100"):
        load_model(weights)


@pytest.mark.slow
def test_checking_weights_leaves_the_random_stream_alone(weights):
    """A run that starts from a file draws its own weights before."""
    torch.manual_seed(0)
    HandNet(TINY)
    want = torch.rand(3)
    torch.manual_seed(0)
    with torch.device("meta"):
        HandNet(TINY)
    HandNet(TINY)
    torch.testing.assert_close(torch.rand(3), want)


@pytest.mark.parametrize("set_default", ["dtype", "device"])
def test_what_a_program_has_set_as_torchs_defaults_changes_nothing(weights, model, set_default):
    """Robotics code sets float64; what is on the device "meta" cannot compute."""
    try:
        if set_default == "dtype":
            torch.set_default_dtype(torch.float64)
        else:
            torch.set_default_device("meta")
        loaded, _ = load_checkpoint(weights)
        assert torch.get_default_dtype() == (torch.float64 if set_default == "dtype" else torch.float32)
        assert torch.empty(0).device.type == ("meta" if set_default == "device" else "cpu")
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    tensors = [*loaded.parameters(), *loaded.buffers()]
    assert {value.dtype for value in tensors if value.is_floating_point()} == {torch.float32}
    crop, distance = torch.rand(2, 1, 64, 64), torch.tensor([0.4, 0.8])
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded(crop, distance).joints, model(crop, distance).joints, atol=1e-6, rtol=1e-5
        )


def test_a_full_disk_is_named_as_for_every_other_file(tmp_path, monkeypatch):
    def full(*given, **more):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(
        OSError, match=r"w\.safetensors cannot be written: No space left .*, want room on the disk$"
    ):
        write_tensors(tmp_path / "w.safetensors", {}, {})
    assert not list(tmp_path.iterdir())
