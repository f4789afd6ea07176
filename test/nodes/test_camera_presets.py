"""Messages as each preset's driver publishes them reach the tracker as metres, with the right camera."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.depth.camera_presets import camera_preset, preset_names

COEFFICIENTS = {
    "plumb_bob": [0.05, -0.02, 0.001, 0.0005, 0.01],
    "rational_polynomial": [0.5, 0.2, 0.0, 0.0, 0.01, 0.8, 0.3, 0.05],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", preset_names())
def test_a_message_of_that_shape_is_tracked(rig, fake_tracker, hand, name) -> None:
    preset = camera_preset(name)
    image, parameters = preset.image, preset.parameters
    assert image is not None
    bench = rig(fake_tracker((hand(),)), depth_unit=parameters.depth_unit, rectified=parameters.rectified)
    bench.connect()
    header = bench.header()
    info = CameraInfo(header=header, width=image.width, height=image.height)
    info.distortion_model, info.d = image.distortion_model, COEFFICIENTS[image.distortion_model]
    focal, cx, cy = 0.8 * image.width, image.width / 2 - 0.5, image.height / 2 - 0.5
    info.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    info.p = [0.9 * focal, 0.0, cx, 0.0, 0.0, 0.9 * focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    kind, value = ("<u2", round(0.6 / parameters.depth_unit)) if image.encoding == "16UC1" else ("<f4", 0.6)
    pixels = np.full((image.height, image.width), value, kind)
    message = Image(
        header=header, width=image.width, height=image.height, encoding=image.encoding, step=pixels.strides[0]
    )
    message.data = array("B", pixels.tobytes())
    bench.info.publish(info)
    bench.image.publish(message)
    assert bench.wait_for_answers(1)
    (depth,), (camera,) = bench.tracker.depths, bench.tracker.cameras
    np.testing.assert_allclose(depth, 0.6, rtol=1e-3)
    assert (camera.width, camera.height) == (image.width, image.height)
    rectified = parameters.rectified == "true"
    assert camera.fx == pytest.approx(0.9 * focal if rectified else focal)
    assert camera.distortion_model == ("none" if rectified else image.distortion_model)
    assert len(bench.answers()[0].hands) == 1
