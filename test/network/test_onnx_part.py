"""A part of an ONNX file computes what the whole computes, and what is no ONNX file is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.network.head_row import CONVOLVED
from hand_pose_ros.network.onnx_file import example_inputs, read_metadata
from hand_pose_ros.network.onnx_part import input_names, output_names, part_of
from hand_pose_ros.network.protobuf import delimited, fields
from hand_pose_ros.resources import resource

MODEL = resource("models", "small.onnx")


@pytest.fixture(scope="module")
def whole() -> bytes:
    return MODEL.read_bytes()


def run(data: bytes, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {name: inputs[name] for name in input_names(data)})


@pytest.mark.parametrize("names", [("output",), CONVOLVED, CONVOLVED[::-1], ("pooled",)])
def test_its_outputs_are_those_of_the_whole(whole, names):
    inputs = dict(zip(input_names(whole), example_inputs([(1, 96, 96), ()]), strict=True))
    everything = dict(zip(output_names(whole), run(whole, inputs), strict=True))
    part = part_of(whole, names)
    assert output_names(part) == names
    for name, found in zip(names, run(part, inputs), strict=True):
        np.testing.assert_allclose(found, everything[name], rtol=1e-5, atol=1e-5)


def test_it_asks_for_no_more_than_it_needs(whole):
    part = part_of(whole, CONVOLVED)
    assert input_names(whole) == ("crop", "distance")
    assert input_names(part) == ("crop",)
    assert len(part) < 0.9 * len(whole)
    assert read_metadata(part) == read_metadata(whole)


def test_an_output_that_is_not_there_is_named(whole):
    with pytest.raises(ValueError, match="no output 'depth'"):
        part_of(whole, ["depth"])


@pytest.mark.parametrize("length", [10, 1000, 100_000])
def test_a_file_that_is_cut_off_is_no_file(whole, length):
    with pytest.raises((ValueError, IndexError)):
        part_of(whole[:-length], CONVOLVED)


def test_an_operation_with_a_graph_of_its_own_is_refused():
    def text(number: int, value: str) -> bytes:
        return delimited(number, value.encode())

    attribute = delimited(5, text(1, "then_branch") + delimited(6, text(2, "inner")))
    node = delimited(1, text(1, "given") + text(2, "made") + attribute)
    model = delimited(7, node + delimited(12, text(1, "made")))
    with pytest.raises(ValueError, match="a graph of its own"):
        part_of(model, ["made"])


@given(st.lists(st.tuples(st.integers(1, 2**28), st.binary(max_size=300)), max_size=8))
def test_messages_taken_apart_are_what_was_put_together(contents):
    data = b"".join(delimited(number, content) for number, content in contents)
    found = list(fields(memoryview(data)))
    assert [(field.number, bytes(field.text)) for field in found] == contents
    assert b"".join(bytes(field.whole) for field in found) == data


def test_a_graph_of_more_parts_than_any_network_has_is_refused():
    model = delimited(7, delimited(12, delimited(1, b"made")) + 2 * 10**5 * delimited(2, b""))
    with pytest.raises(ValueError, match="more than 100000 parts"):
        part_of(model, ["made"])
