"""The text of the GPU's kernels: from the tables of the CPU's, and only for what the kernels can."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hand_pose_ros.refine.gpu.kernel_source import kernel_source, unsupported
from hand_pose_ros.refine.refiner import RefineConfig
from hand_pose_ros.refine.regressor import RegressorConfig
from hand_pose_ros.refine.surface_config import SurfaceFitConfig

DEFAULT = RefineConfig()


def test_the_default_configuration_is_supported():
    assert unsupported(DEFAULT, 96) == ""
    assert unsupported(RefineConfig(regressor=None), 96) == ""


@pytest.mark.parametrize(
    "config, size, names",
    [
        (replace(DEFAULT, regressor=RegressorConfig(bone_mixture=1.0)), 96, "regressor.bone_mixture is 1.0"),
        (replace(DEFAULT, regressor=RegressorConfig(tip_order=0.5)), 96, "regressor.tip_order"),
        (replace(DEFAULT, regressor=RegressorConfig(prediction=0.1)), 96, "regressor.prediction"),
        (replace(DEFAULT, regressor=RegressorConfig(kernel_px=2)), 96, "regressor.kernel_px"),
        (replace(DEFAULT, surface=SurfaceFitConfig(previous_rotation=0.1)), 96, "surface.previous_rotation"),
        (
            replace(DEFAULT, surface=SurfaceFitConfig(previous_translation_m=0.1)),
            96,
            "previous_translation_m",
        ),
        (replace(DEFAULT, surface=SurfaceFitConfig(ring_px=40)), 96, "surface.ring_px is 40"),
        (replace(DEFAULT, surface=SurfaceFitConfig(points=1000)), 96, "surface.points is 1000"),
        (DEFAULT, 95, "95 pixels"),
    ],
)
def test_what_the_kernels_cannot_is_named(config, size, names):
    assert names in unsupported(config, size)
    with pytest.raises(ValueError, match=re.escape(names)):
        kernel_source(config, size)


def test_the_text_holds_the_configuration_and_every_file():
    changed = replace(DEFAULT, surface=SurfaceFitConfig(tolerance=0.0125))
    text = kernel_source(changed, 64)
    assert "#define TOLERANCE (0.0125)" in text
    assert "#define SIZE (64)" in text
    assert text == kernel_source(changed, 64)
    assert text != kernel_source(DEFAULT, 64)
    assert "nan" not in re.sub(r"//.*", "", text)
    for kernel in ("regress", "fit"):
        assert len(re.findall(rf'extern "C" __global__ void [^;{{]*\b{kernel}\(', text)) == 1
