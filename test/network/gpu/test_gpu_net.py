"""The network as on a GPU, its kernel played by the CPU: PackedNet's numbers, and what it cannot is said."""

from __future__ import annotations

import logging

import pytest
import torch
from emulated import COMPILER, EmulatedKernels
from example_network import CONFIG, assert_same, inputs, network
from host_driver import HostDriver

from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.gpu.cuda_kernels import CudaKernels, KernelError
from hand_pose_ros.network.gpu.gpu_net import GpuNet, gpu_net, on_gpu, require_same_joints
from hand_pose_ros.network.gpu.head_source import head_source
from hand_pose_ros.network.gpu_graph import GraphBackend
from hand_pose_ros.network.head_row import unsupported
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import PackedNet, input_shapes
from hand_pose_ros.network.packing import unpack

wants_compiler = pytest.mark.skipif(
    COMPILER is None, reason="wants g++, to play the GPU's threads on the CPU"
)


def on_host(packed: PackedNet, folder, threads: int = 1) -> GpuNet:
    source, weights = head_source(packed.net)
    return GpuNet(packed, EmulatedKernels(source, 1, folder, threads), 0, weights)


@wants_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {}, {"presence": False, "handedness": False}, {"crop_size": 96, "ik_steps": 1}, {"ik_hidden": 600},
        {"ik_hidden": 7, "ik_steps": 2},
    ],
)  # fmt: skip
def test_numbers_are_those_of_torch(tmp_path, changes):
    config = NetworkConfig(**{**vars(CONFIG), **changes})
    packed = network(config)
    with torch.inference_mode():
        for threads in (1, 37, -37):
            ours = on_host(packed, tmp_path, threads)
            given = inputs(2, config.crop_size)
            wanted, found = packed(*given), ours(*given)
            assert_same(found, wanted)
    angles = unpack(found.numpy()).angles
    assert (angles >= skeleton.ANGLE_LIMITS[:, 0] - 1e-6).all()
    assert (angles <= skeleton.ANGLE_LIMITS[:, 1] + 1e-6).all()


@wants_compiler
@pytest.mark.slow
def test_any_memory_layout_gives_the_same(tmp_path):
    """Convolutions answer in either; which one is cuDNN's choice."""
    packed = network()
    ours = on_host(packed, tmp_path)
    crop, distance = inputs(2, CONFIG.crop_size)
    with torch.inference_mode():
        wanted = ours(crop, distance)
        for part in (packed.net, ours):
            part.to(memory_format=torch.contiguous_format)
        ours.votes = ours.votes.contiguous()
        assert_same(ours(crop, distance), wanted)
        wide = torch.zeros(
            2, 1 + crop[0].numel()
        )  # a row of crops among other numbers, as they cross to the GPU
        wide[:, 1:] = crop.flatten(1)
        assert_same(ours(wide[:, 1:].reshape(2, 1, CONFIG.crop_size, CONFIG.crop_size), distance), wanted)


@wants_compiler
@pytest.mark.slow
def test_it_crosses_as_the_network_does(tmp_path):
    driver, packed = HostDriver(), network()
    backend = GraphBackend(on_host(packed, tmp_path), list(input_shapes(CONFIG).values()), driver, "float32")
    given = inputs(2, CONFIG.crop_size)
    driver.count.clear()
    found = backend(*(part.numpy() for part in given))
    assert driver.count == {"upload": 1, "replay": 1, "download": 1, "wait": 1}
    with torch.inference_mode():
        assert_same(torch.from_numpy(found), packed(*given))


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"image_feedback": 4}, "image_feedback is 4"),
        ({"head": "direct_joint", "presence": False, "handedness": False}, "'direct_joint'"),
    ],
)
def test_other_networks_are_refused(changes, reason):
    net = HandNet(NetworkConfig(**{**vars(CONFIG), **changes}))
    assert reason in unsupported(net.config)
    with pytest.raises(ValueError, match=reason):
        head_source(net)


def test_where_the_kernel_cannot_be_made_torch_runs_the_network_and_it_is_said(caplog):
    packed = network()
    with pytest.raises(KernelError):
        gpu_net(packed, torch.device("cpu"))
    with caplog.at_level(logging.WARNING):
        assert on_gpu(packed, torch.device("cpu")) is packed
    assert "without its own kernel" in caplog.text
    plain = torch.nn.Linear(2, 2)
    assert on_gpu(plain, torch.device("cpu")) is plain


def test_kernels_want_cuda():
    if torch.cuda.is_available():
        pytest.skip("CUDA is here")
    with pytest.raises(KernelError):
        CudaKernels('extern "C" __global__ void nothing() {}', ["nothing"])


class Moved(torch.nn.Module):
    """A network whose joints, or one of them, are moved."""

    def __init__(self, net: torch.nn.Module, by: float) -> None:
        super().__init__()
        self.net, self.by = net, by

    def forward(self, crop: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
        out = self.net(crop, distance).clone()
        out[:, 3 * skeleton.JOINT_COUNT] += self.by  # the first joint's x
        return out


@wants_compiler
@pytest.mark.slow
def test_a_kernel_is_relied_on_only_where_its_joints_are_torchs(tmp_path):
    packed = network()
    host = torch.device("cpu")
    require_same_joints(on_host(packed, tmp_path), packed, CONFIG.crop_size, host)
    for by in (0.005, float("nan")):
        with pytest.raises(KernelError, match="its joints lie .* mm from torch's, want 2 at most"):
            require_same_joints(Moved(packed, by), packed, CONFIG.crop_size, host)
