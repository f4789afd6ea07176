"""Random people: proportions change as asked, and the same generator gives the same hand."""

from __future__ import annotations

import numpy as np
import pytest
from mesh_measures import volume

from hand_pose_ros.hand.skeleton import (
    JOINT_INDEX,
    SEGMENT_NAMES,
    bone_lengths,
)
from hand_pose_ros.synthetic.identity import IdentityConfig, sample_identity

NO_CHANGE = {
    "size": (1.0, 1.0), "fingers": 0.0, "finger": 0.0, "phalanx": 0.0, "finger_thickness": (1.0, 1.0),
    "finger_thickness_each": 0.0, "palm": 0.0, "knuckle_m": 0.0, "forearm_thickness": (1.0, 1.0),
    "forearm_thickness_each": 0.0,
    "forearm_length": (0.3, 0.3), "blend": 0.0, "skin_m": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [({"size": (1.1, 1.1)}, 1.1, 1.1), ({"finger": 0.12}, 1 / 1.12, 1.12), ({"palm": 0.12}, 1 / 1.12, 1.12)],
)
def test_lengths_change_as_asked(mesh, change, low, high):
    template = bone_lengths(mesh.joints)
    for seed in range(5):
        person = sample_identity(mesh, np.random.default_rng(seed), IdentityConfig(**{**NO_CHANGE, **change}))
        ratio = bone_lengths(person.joints) / template
        assert ratio.min() >= low - 1e-4
        assert ratio.max() <= high + 1e-4
        np.testing.assert_allclose(
            person.offsets.lengths[1].sum(), bone_lengths(person.joints)[6:10][1:].sum(), atol=1e-6
        )
    if low != high:
        assert ratio.max() - ratio.min() > 0.01


def test_no_change_gives_the_template(mesh):
    person = sample_identity(mesh, np.random.default_rng(0), IdentityConfig(**NO_CHANGE))
    np.testing.assert_allclose(person.vertices, mesh.vertices, atol=1e-5)
    np.testing.assert_allclose(person.joints, mesh.joints, atol=1e-6)


def test_thickness_leaves_bones_alone_and_widens_fingers(mesh):
    config = IdentityConfig(**{**NO_CHANGE, "finger_thickness": (1.25, 1.25)})
    person = sample_identity(mesh, np.random.default_rng(0), config)
    np.testing.assert_allclose(person.joints, mesh.joints, atol=1e-6)
    middle = SEGMENT_NAMES.index("index_middle")
    own = (np.where(mesh.bone_index == middle, mesh.bone_weight, 0.0).sum(axis=1)) > 0.95
    frame = mesh.rest_rotations[middle]
    wide = [np.ptp((v[own] @ frame)[:, 1]) for v in (mesh.vertices, person.vertices)]
    assert wide[1] / wide[0] == pytest.approx(1.25, abs=0.02)


def test_forearm_is_cut_where_asked(mesh):
    config = IdentityConfig(**{**NO_CHANGE, "forearm_length": (0.1, 0.1)})
    person = sample_identity(mesh, np.random.default_rng(0), config)
    assert person.joints[1:3, 0].mean() - person.vertices[:, 0].min() == pytest.approx(0.1, abs=1e-5)
    assert volume(person.vertices, mesh.faces) < volume(mesh.vertices, mesh.faces)
    lid = person.vertices[:, 0] < person.vertices[:, 0].min() + 1e-5
    before = (person.vertices[:, 0] < person.vertices[:, 0].min() + 0.03) & ~lid
    assert (
        np.ptp(person.vertices[lid], axis=0)[1:].max()
        < 1.1 * np.ptp(person.vertices[before], axis=0)[1:].max()
    )


@pytest.mark.slow
def test_sampling_is_repeatable_and_varied(mesh):
    first, second = (sample_identity(mesh, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices, second.vertices)
    rng = np.random.default_rng(9)
    sizes = [np.linalg.norm(sample_identity(mesh, rng).joints[JOINT_INDEX["middle_tip"]]) for _ in range(60)]
    assert max(sizes) / min(sizes) > 1.3


@pytest.mark.parametrize("field", ["size", "finger", "skin_m"])
def test_bad_ranges_are_refused(field):
    bad = (1.2, 0.8) if field == "size" else -0.1
    with pytest.raises(ValueError, match=field):
        IdentityConfig(**{field: bad})
