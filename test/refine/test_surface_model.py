"""The capsules lie on the meshes that they were measured from, each on the bone of its segment."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import PlacedHand

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandOffsets
from hand_pose_ros.refine.surface_capsules import capsule_distance
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES
from hand_pose_ros.synthetic.identity import identity_of
from hand_pose_ros.synthetic.mesh import MESH_NAMES, load_hand_mesh
from hand_pose_ros.synthetic.subjects import nearest_shape


@pytest.mark.parametrize("name", MESH_NAMES)
def test_skin_of_the_template_is_near_the_capsules(name: str):
    mesh = load_hand_mesh(name)
    identity = identity_of(mesh, mesh.vertices, mesh.joints)
    shape = nearest_shape(HandOffsets(*(part.double().numpy() for part in identity.offsets)))
    parameters = np.concatenate([np.zeros(6), identity.rest_angles.astype(np.float64)])
    placed = PlacedHand(parameters, shape)
    skin = identity.vertices[identity.vertices[:, 0] > -0.035].astype(np.float64)
    distances = np.array(
        [min(capsule_distance(placed.table, i, *point)[0] for i in range(len(CAPSULES))) for point in skin]
    )
    assert np.abs(distances).mean() < 0.0025
    assert np.percentile(np.abs(distances), 95) < 0.008
    assert abs(np.median(distances)) < 0.001


def test_capsules_belong_to_the_bones_of_their_segment():
    for segment, a, b in CAPSULES[:15]:
        assert skeleton.SEGMENT_JOINTS[segment] == a
        assert (a, b) in skeleton.BONES
    assert (CAPSULES[15:, 0] == 0).all()
    assert list(np.bincount(ARM_CAPSULES)) == [15 + 5, 6, 2]
