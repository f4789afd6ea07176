"""Backends: torch, ONNX Runtime and OpenVINO compute the same; what cannot be used is named, and torch stands in."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hand_pose_ros.network.backend import (
    BackendConfig,
    Device,
    MissingBackendError,
    candidates,
    open_backend,
    relative_error,
)
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.cpu.head import CompiledHead
from hand_pose_ros.network.head_row import head_row
from hand_pose_ros.network.onnx_file import FORMAT, OnnxError, read_metadata, read_onnx_file
from hand_pose_ros.network.onnx_part import part_of
from hand_pose_ros.network.packed_net import inference_net, input_shapes, pack
from hand_pose_ros.network.packing import PACKED_COLUMNS, unpack
from hand_pose_ros.network.torch_backend import torch_backend
from hand_pose_ros.network.weights_file import read_info, read_weights
from hand_pose_ros.resources import SHIPPED_MODELS, model_file, resource

WEIGHTS = model_file()
SHIPPED = [*SHIPPED_MODELS, "detector"]


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def reference(config: BackendConfig):
    net, info = load_checkpoint(WEIGHTS)
    shapes = list(input_shapes(info.network).values())
    return torch_backend(lambda bfloat16: inference_net(net, bfloat16), shapes, config)


def compiled_head() -> CompiledHead:
    return CompiledHead(head_row(read_weights(WEIGHTS), read_info(WEIGHTS).network))


def open_shipped(head=None, **changes):
    return open_backend(WEIGHTS, read_info(WEIGHTS).sha256, BackendConfig(**changes), reference, head)


def crops(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Blobs of a hand's size at different places, with what a crop has about them."""
    v, u = np.mgrid[-1:1:96j, -1:1:96j]
    pictures = np.ones((count, 1, 96, 96), np.float32)
    for i in range(count):
        x, y = 0.3 * np.sin(i), 0.3 * np.cos(2 * i)
        inside = (u - x) ** 2 + ((v - y) / (1 + 0.1 * i)) ** 2 < 0.2
        pictures[i, 0][inside] = (0.4 * np.sin(5 * u + i) * np.cos(4 * v))[inside]
    return pictures, np.linspace(0.35, 0.9, count, dtype=np.float32)


@pytest.fixture(scope="module")
def torch_answers() -> np.ndarray:
    return reference(BackendConfig(device="cpu", precision="float32"))(*crops(7))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("threads, head", [(1, compiled_head), (2, compiled_head), (1, None)])
def test_backends_compute_what_torch_does_in_batches_of_any_size(name, threads, head, torch_answers):
    if not installed(name):
        pytest.skip(f"{name} is not installed")
    backend = open_shipped(head, backend=name, precision="float32", threads=threads)
    assert (backend.name, str(backend.device), backend.precision) == (name, "cpu", "float32")
    pictures, distances = crops(7)
    for first, end in ((0, 1), (1, 3), (0, 7)):
        found = backend(pictures[first:end], distances[first:end])
        assert found.shape == (end - first, PACKED_COLUMNS)
        moved = np.linalg.norm(unpack(found).joints - unpack(torch_answers[first:end]).joints, axis=-1)
        assert moved.max() < 0.05e-3
        np.testing.assert_allclose(
            unpack(found).presence, unpack(torch_answers[first:end]).presence, atol=1e-3
        )


@pytest.mark.slow
def test_the_frozen_script_computes_what_the_network_does(torch_answers):
    net, _ = load_checkpoint(WEIGHTS)
    pictures, distances = crops(7)
    with torch.inference_mode():
        wanted = pack(net(torch.from_numpy(pictures), torch.from_numpy(distances))).numpy()
    np.testing.assert_allclose(torch_answers, wanted, atol=1e-4)
    assert isinstance(reference(BackendConfig(device="cpu"))._run, torch.jit.ScriptModule)


@pytest.mark.slow
def test_weights_cast_once_give_what_casting_in_every_call_gives():
    net, _ = load_checkpoint(WEIGHTS)
    pictures, distances = (torch.from_numpy(array) for array in crops(2))
    once = inference_net(net, bfloat16=True)
    from hand_pose_ros.network.backbones import fold_normalisation

    always = fold_normalisation(net)
    always.autocast = True
    with torch.inference_mode():
        assert torch.equal(once(pictures, distances), pack(always(pictures, distances)))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_has_its_onnx_file(name):
    path = resource("models", f"{name}.onnx")
    assert path.stat().st_size <= 16 * 1024 * 1024
    weights = path.with_suffix(".safetensors")
    from hand_pose_ros.network.weights_file import read_header

    metadata, sha256 = read_header(weights)
    file = read_onnx_file(path, sha256)
    assert file.metadata["format"] == FORMAT
    for key in set(metadata) - {"format", "calibration"}:
        assert file.metadata[key] == metadata[key]
    assert np.isfinite(file.example_output).all()


@pytest.fixture
def copied(tmp_path) -> Path:
    """Shipped weights with their ONNX file, elsewhere."""
    for suffix in (".safetensors", ".onnx"):
        (tmp_path / f"hand{suffix}").write_bytes(WEIGHTS.with_suffix(suffix).read_bytes())
    return tmp_path / "hand.safetensors"


def damage(path: Path, how: str) -> None:
    onnx = path.with_suffix(".onnx")
    data = bytearray(onnx.read_bytes())
    if how == "missing":
        onnx.unlink()
    elif how == "empty":
        onnx.write_bytes(b"")
    elif how == "cut off":
        onnx.write_bytes(data[: len(data) // 2])
    elif how == "no ONNX file":
        onnx.write_bytes(b"\xff" * 1000)
    else:
        onnx.write_bytes(WEIGHTS.with_name("small.onnx").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("how", ["missing", "empty", "cut off", "no ONNX file", "stale"])
def test_a_file_that_cannot_be_used_leaves_the_network_to_torch_with_one_line(copied, how, caplog):
    damage(copied, how)
    with caplog.at_level(logging.WARNING):
        backend = open_backend(copied, read_info(copied).sha256, BackendConfig(device="cpu"), reference)
    assert backend.name == "torch"
    lines = [
        record.getMessage() for record in caplog.records if "torch runs the network" in record.getMessage()
    ]
    assert len(lines) == (1 if installed("onnxruntime") or installed("openvino") or how != "cut off" else 0)
    assert all("hand.onnx" in line and "\n" not in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["no head for it", "no part to go on from"])
def test_without_a_head_the_file_runs_as_a_whole(copied, how, caplog, torch_answers):
    """Other networks have none, and a file that an earlier version made does not give what it reads."""
    if not installed("onnxruntime"):
        pytest.skip("onnxruntime is not installed")

    def no_head():
        raise ValueError("image_feedback is 4, want 0")

    if how == "no part to go on from":
        onnx = copied.with_suffix(".onnx")
        onnx.write_bytes(part_of(onnx.read_bytes(), ["output"]))
    config = BackendConfig(backend="onnxruntime", device="cpu")
    make = no_head if how == "no head for it" else compiled_head
    with caplog.at_level(logging.WARNING):
        backend = open_backend(copied, read_info(copied).sha256, config, reference, make)
    assert backend.name == "onnxruntime"
    assert ("image_feedback is 4" in caplog.text) == (how == "no head for it")
    np.testing.assert_allclose(backend(*crops(7)), torch_answers, atol=1e-3)


@pytest.mark.slow
def test_a_backend_that_disagrees_is_not_taken(monkeypatch, caplog):
    from hand_pose_ros.network import onnx_backends

    class Wrong:
        name, device, precision = "onnxruntime", Device("cpu"), "float32"

        def __init__(self, file, config, head):
            self._answer = file.example_output * 1.01

        def __call__(self, *inputs):
            return self._answer

    monkeypatch.setitem(onnx_backends.OPENERS, "onnxruntime", Wrong)
    with caplog.at_level(logging.WARNING):
        assert open_shipped(backend="onnxruntime", device="cpu").name == "torch"
    assert "onnxruntime is off by 0.01 of torch's own output" in caplog.text


@pytest.mark.slow
def test_a_backend_that_is_not_installed_is_named_when_it_is_asked_for(monkeypatch):
    from hand_pose_ros.network import onnx_backends

    def missing(file, config, head):
        raise MissingBackendError("openvino cannot be imported")

    for name in ("onnxruntime", "openvino"):
        monkeypatch.setitem(onnx_backends.OPENERS, name, missing)
    with pytest.raises(ValueError, match="backend is 'openvino', but openvino cannot be imported"):
        open_shipped(backend="openvino", device="cpu")
    assert open_shipped(device="cpu").name == "torch"


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, ("onnxruntime", "openvino", "torch")),
        ({"precision": "float32"}, ("onnxruntime", "openvino", "torch")),
        ({"precision": "bfloat16"}, ("openvino", "torch")),
        ({"backend": "torch"}, ("torch",)),
        ({"backend": "onnxruntime"}, ("onnxruntime", "torch")),
    ],
)
def test_the_fastest_that_has_the_precision_is_tried_first(changes, wanted):
    assert candidates(BackendConfig(**changes)) == wanted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "tensorrt"}, "backend is 'tensorrt', want one of auto, torch, onnxruntime, openvino"),
        ({"device": "tpu"}, "device is 'tpu', want one of auto, cpu, cuda"),
        ({"precision": "int8"}, "precision is 'int8', want one of"),
        ({"threads": 0}, "threads is 0, want a whole number, 1 to 64"),
        ({"backend": "openvino", "device": "cuda"}, "backend is 'openvino', want auto or torch with device"),
        (
            {"backend": "onnxruntime", "precision": "bfloat16"},
            "backend is 'onnxruntime', want torch or openvino",
        ),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        BackendConfig(**changes)


def test_metadata_of_any_bytes_is_read_or_refused():
    rng = np.random.default_rng(0)
    good = WEIGHTS.with_suffix(".onnx").read_bytes()
    for _ in range(200):
        data = bytearray(good[-4000:] if rng.random() < 0.5 else rng.bytes(int(rng.integers(1, 200))))
        for place in rng.integers(len(data), size=3):
            data[place] = int(rng.integers(256))
        with contextlib.suppress(ValueError, IndexError):
            assert isinstance(read_metadata(bytes(data)), dict)


def test_numbers_that_are_not_finite_are_infinitely_far():
    wanted = np.ones((1, 3), np.float32)
    assert relative_error(np.full((1, 3), np.nan, np.float32), wanted) == float("inf")
    assert relative_error(np.ones((1, 2), np.float32), wanted) == float("inf")
    assert relative_error(wanted, wanted) == 0.0


def test_heads_that_a_network_has_not_are_left_out_of_the_comparison():
    wanted = np.array([[1.0, np.nan, 3.0]], np.float32)
    assert relative_error(wanted.copy(), wanted) == 0.0
    assert relative_error(np.array([[1.0, 2.0, 3.0]], np.float32), wanted) == float("inf")
    assert relative_error(np.array([[1.0, np.nan, np.inf]], np.float32), wanted) == float("inf")


def test_a_weights_file_is_read_alike_with_torch_and_without():
    assert read_info(WEIGHTS) == load_checkpoint(WEIGHTS)[1]


@pytest.mark.slow
@pytest.mark.skipif(not installed("onnxruntime"), reason="onnxruntime is not installed")
def test_tracking_with_onnx_runtime_loads_no_torch():
    program = (
        "import sys; from hand_pose_ros.tracking.tracker import HandTracker; HandTracker().warm_up();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not installed("onnxruntime"), reason="onnxruntime is not installed")
def test_onnx_runtime_keeps_no_record_of_its_use(tmp_path):
    """Version 1.32 writes an id and a data base of events into the user's home, to be sent to Microsoft."""
    program = "from hand_pose_ros.tracking.tracker import HandTracker; HandTracker().warm_up()"
    home = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", program], env=home, check=True)
    assert not list(tmp_path.rglob("*icrosoft*"))


@pytest.mark.slow
@pytest.mark.skipif(not installed("openvino"), reason="openvino is not installed")
def test_openvino_runs_where_there_is_no_network():
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('it reaches out')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from hand_pose_ros.tracking.config import TrackerConfig\n"
        "from hand_pose_ros.tracking.tracker import HandTracker\n"
        "tracker = HandTracker(config=TrackerConfig(backend='openvino', device='cpu')); tracker.warm_up()\n"
        "assert tracker.estimator.backend.name == 'openvino'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_onnx_errors_are_one_line(tmp_path):
    with pytest.raises(OnnxError, match=r"none.onnx: no such file, make it with: hand-pose export --onnx"):
        read_onnx_file(tmp_path / "none.onnx", "0")


def with_metadata(data: bytes, key: str, value: str) -> bytes:
    """An ONNX file with one more entry of metadata, which takes the place of the one of that key."""

    def field(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    return data + field(14, field(1, key.encode()) + field(2, value.encode()))


@pytest.mark.parametrize(
    "key, value",
    [
        ("input_shapes", "[[1e999]]"),
        ("input_shapes", "[[NaN]]"),
        ("input_shapes", "[[4096, 4096, 4096]]"),
        ("input_shapes", "[[4096, 4096, 4096, 4096, 4096, 4096]]"),
        ("example_shape", "[1e999]"),
        ("example_shape", "[-1, -1]"),
        ("example_output", "!"),
    ],
)
def test_an_example_that_makes_no_sense_is_named_before_anything_is_made_of_it(copied, key, value):
    onnx = copied.with_suffix(".onnx")
    onnx.write_bytes(with_metadata(onnx.read_bytes(), key, value))
    with pytest.raises(OnnxError, match="metadata cannot be used"):
        read_onnx_file(onnx, read_info(copied).sha256)


@pytest.mark.slow
def test_a_backend_that_fails_on_the_example_leaves_the_network_to_torch(monkeypatch, caplog):
    from hand_pose_ros.network import onnx_backends

    class Failing:
        name, device, precision = "onnxruntime", Device("cpu"), "float32"

        def __init__(self, file, config, head):
            pass

        def __call__(self, *inputs):
            raise RuntimeError("a node\nhas the wrong shape")

    monkeypatch.setitem(onnx_backends.OPENERS, "onnxruntime", Failing)
    with caplog.at_level(logging.WARNING):
        assert open_shipped(backend="onnxruntime", device="cpu").name == "torch"
    assert "onnxruntime cannot run it: a node" in caplog.text
