"""Still scenes at a sensor's resolution: the detector's scenes, the same in every frame but for the noise."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.full_scenes import FullFrameConfig
from hand_pose_ros.datasets.still_images import still_images
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.detector import reduce_depth
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT

SOURCE = FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2))


@pytest.fixture(scope="module")
def images():
    return list(still_images(SOURCE, 5, 16))


@pytest.mark.slow
def test_they_show_what_the_detectors_cells_show():
    source = FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2, noise=False))
    batch = source.batch(5, 6)
    for image, z in zip(still_images(source, 5, 6), batch.z, strict=True):
        cells = reduce_depth(DepthFrame(image.depth(), image.camera))
        both = (cells > 0) & (z > 0)
        assert both.sum() > 0.9 * ((cells > 0) | (z > 0)).sum()
        # Edges fall on either side of a cell.
        assert (np.abs(cells - z)[both] < 0.01).mean() > 0.9


@pytest.mark.slow
def test_the_truth_is_that_of_the_batch(images):
    batch = SOURCE.batch(5, 16)
    for n, image in enumerate(images):
        # A hand a few pixels of which are seen may fall between the coarser ones.
        assert len(image.hands) >= (batch.visible[n] > 0.02).sum()
        for hand in image.hands:
            slot = int(np.linalg.norm(batch.centre[n] - hand.centre, axis=1).argmin())
            assert np.allclose(batch.centre[n, slot], hand.centre)
            assert (hand.side == "left") == batch.left[n, slot]
            assert 0.0 <= hand.seen <= hand.visible <= 1.0


@pytest.mark.slow
def test_frames_differ_by_their_noise_only(images):
    image = images[0]
    assert image.depth().shape == (image.camera.height, image.camera.width)
    assert np.array_equal(image.depth(1), image.depth(1), equal_nan=True)
    a, b = image.depth(0), image.depth(1)
    assert not np.array_equal(a, b, equal_nan=True)
    # Most of it is the same.
    assert np.median([np.nanmedian(np.abs(i.depth(0) - i.depth(1))) for i in images]) < 0.01
