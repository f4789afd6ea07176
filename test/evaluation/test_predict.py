"""A network's answers do not depend on how crops are batched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.evaluation.predict import join, predict
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet

TINY = {"widths": (8, 16, 16, 16), "blocks": (0, 0, 0), "up_blocks": (0, 0), "ik_hidden": 32}


@pytest.fixture(scope="module")
def crops() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    crop = np.where(rng.uniform(size=(7, 1, 96, 96)) < 0.3, rng.uniform(-1, 1, (7, 1, 96, 96)), 1.0)
    return crop.astype(np.float32), rng.uniform(0.3, 1.0, 7).astype(np.float32)


def test_the_batch_size_changes_nothing_and_the_mode_comes_back(crops):
    torch.manual_seed(0)
    model = HandNet(NetworkConfig(**TINY)).train()
    whole, pieces = predict(model, *crops, batch=7), predict(model, *crops, batch=3)
    assert model.training
    assert whole.joints.shape == (7, 23, 3)
    assert whole.angles is not None
    assert whole.angles.shape == (7, 20)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    limits = model.layer.limits.numpy()
    assert ((whole.angles >= limits[:, 0]) & (whole.angles <= limits[:, 1])).all()


def test_no_crop_is_refused(crops):
    with pytest.raises(ValueError, match="no crop given"):
        predict(HandNet(NetworkConfig(**TINY)), crops[0][:0], crops[1][:0])
    with pytest.raises(ValueError, match="no crop given"):
        join([])
