"""Rotations in torch: other forms than the rotation vector, finite gradients where formulas break, batches."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.hand import rotations as r

coordinate = st.floats(-1.0, 1.0, allow_nan=False)
axis = st.tuples(coordinate, coordinate, coordinate).filter(lambda v: sum(c * c for c in v) > 1e-3)


def _vector(direction: tuple[float, float, float], angle: float) -> torch.Tensor:
    v = torch.tensor(direction, dtype=torch.float64)
    return v / v.norm() * angle


@pytest.mark.slow
@given(axis, st.floats(0.0, math.pi))
@settings(max_examples=100, deadline=None)
def test_quaternion_matches_its_matrix_and_has_a_positive_real_part(direction, angle):
    matrix = r.so3_exp(_vector(direction, angle))
    quaternion = r.matrix_to_quaternion(matrix)
    assert quaternion.norm() == pytest.approx(1.0)
    assert quaternion[3] >= 0
    assert torch.allclose(r.quaternion_to_matrix(quaternion), matrix, atol=1e-9)


@pytest.mark.slow
@given(axis, st.floats(0.0, math.pi))
@settings(max_examples=50, deadline=None)
def test_sixd_form_is_inverted_by_its_matrix(direction, angle):
    matrix = r.so3_exp(_vector(direction, angle))
    first_two_columns = torch.cat([matrix[:, 0], matrix[:, 1]])
    assert torch.allclose(r.sixd_to_matrix(first_two_columns), matrix, atol=1e-9)


def test_axis_rotations_agree_with_rotation_vectors():
    angle = torch.tensor([-2.0, 0.0, 0.7], dtype=torch.float64)
    zero = torch.zeros_like(angle)
    about_y = r.so3_exp(torch.stack([zero, angle, zero], -1))
    about_z = r.so3_exp(torch.stack([zero, zero, angle], -1))
    assert torch.allclose(r.rotation_y(angle), about_y)
    assert torch.allclose(r.rotation_z(angle), about_z)


@pytest.mark.parametrize("vector", [[0.0, 0.0, 0.0], [1e-6, 0.0, 0.0], [1e-3, 2e-3, 0.0], [1.0, -2.0, 0.5]])
def test_gradient_of_the_exponential_map_is_right_and_finite_at_and_near_zero(vector):
    v = torch.tensor(vector, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(r.so3_exp, (v,), atol=1e-5)


@pytest.mark.parametrize("vector", [[0.0, 0.0, 0.0], [1e-6, 0.0, 0.0], [0.5, -0.2, 0.1]])
def test_gradient_of_the_logarithm_is_finite_at_and_near_the_identity(vector):
    matrix = r.so3_exp(torch.tensor(vector, dtype=torch.float64)).requires_grad_()
    r.so3_log(matrix).sum().backward()
    assert torch.isfinite(matrix.grad).all()


def test_degenerate_sixd_input_stays_finite():
    sixd = torch.zeros(2, 6, requires_grad=True)
    r.sixd_to_matrix(sixd).sum().backward()
    assert torch.isfinite(sixd.grad).all()


def test_leading_dimensions_are_kept():
    vector = torch.randn(2, 3, 4, 3, generator=torch.Generator().manual_seed(0))
    matrix = r.so3_exp(vector)
    assert matrix.shape == (2, 3, 4, 3, 3)
    assert r.matrix_to_quaternion(matrix).shape == (2, 3, 4, 4)
    assert r.so3_log(matrix).shape == (2, 3, 4, 3)
