"""Meshes and people that several tests of this folder look at; lets them import mesh_measures.py beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.synthetic.identity import Identity, identity_of, sample_identity
from hand_pose_ros.synthetic.mesh import MESH_NAMES, HandMesh, load_hand_mesh

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(params=MESH_NAMES)
def mesh(request: pytest.FixtureRequest) -> HandMesh:
    return load_hand_mesh(request.param)


@pytest.fixture
def identities(mesh: HandMesh) -> list[Identity]:
    """The family's template and six random people."""
    rng = np.random.default_rng(3)
    return [identity_of(mesh, mesh.vertices, mesh.joints)] + [sample_identity(mesh, rng) for _ in range(6)]
