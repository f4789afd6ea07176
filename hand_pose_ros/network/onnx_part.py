"""A part of an ONNX file: what leads to some of its outputs, and nothing else. Without onnx.

In: the bytes of a model, names of its outputs. Out: the bytes of a model with these outputs alone. Runtimes compute all
that a file describes, whatever is asked of it: ONNX Runtime 1.32 even with ``only_execute_path_to_fetches`` (seen in
its profile).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from hand_pose_ros.network.protobuf import Field, delimited, fields

# Numbers of fields in onnx.proto.
_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE = 1, 2, 5
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11
_VALUE_NAME, _TENSOR_NAME = 1, 8
_MOST_FIELDS = 100_000
"""Parts of a graph: operations, weights and names. Guessed: a hundred times the pose network's, and no more than a file
of a few megabytes can ask memory for."""


def input_names(data: bytes) -> tuple[str, ...]:
    """Names of a model's inputs, in their order. ValueError where it is not protobuf's."""
    return _names(data, _INPUT)


def output_names(data: bytes) -> tuple[str, ...]:
    """Names of a model's outputs, in their order. ValueError where it is not protobuf's."""
    return _names(data, _OUTPUT)


def part_of(data: bytes, outputs: Sequence[str]) -> bytes:
    """The model that computes ``outputs``, in this order, of the inputs that it needs for them. ValueError where it is
    not protobuf's, has no such output, or has operations with graphs of their own, which are not looked into."""
    return b"".join(
        delimited(_GRAPH, _graph_part(field, outputs)) if field.number == _GRAPH else bytes(field.whole)
        for field in fields(memoryview(data))
    )


def _names(data: bytes, number: int) -> tuple[str, ...]:
    graphs = [field for field in fields(memoryview(data)) if field.number == _GRAPH]
    parts = (part for graph in graphs for part in fields(graph.text))
    return tuple(_name(part, _VALUE_NAME) for part in parts if part.number == number)


def _graph_part(graph: Field, outputs: Sequence[str]) -> bytes:
    parts = list(islice(fields(graph.text), _MOST_FIELDS + 1))
    if len(parts) > _MOST_FIELDS:
        raise ValueError(f"its graph has more than {_MOST_FIELDS} parts")
    given = {_name(part, _VALUE_NAME): part for part in parts if part.number == _OUTPUT}
    absent = [name for name in outputs if name not in given]
    if absent:
        raise ValueError(f"it has no output '{absent[0]}'")
    wanted, kept = set(outputs), set()
    # Operations stand behind those that they read: from the last to the first, each is known to be wanted or not.
    for place in reversed(range(len(parts))):
        if parts[place].number != _NODE:
            continue
        node = list(fields(parts[place].text))
        if wanted.isdisjoint(_texts(node, _NODE_OUTPUT)):
            continue
        _require_plain(node)
        kept.add(place)
        wanted.update(_texts(node, _NODE_INPUT))
    left = [part for place, part in enumerate(parts) if place in kept or _is_wanted(part, wanted)]
    return b"".join(bytes(part.whole) for part in (*left, *(given[name] for name in outputs)))


def _is_wanted(part: Field, wanted: set[str]) -> bool:
    """Of what is neither an operation nor an output: weights and inputs that are read, and all else."""
    if part.number in (_INITIALIZER, _INPUT):
        return _name(part, _TENSOR_NAME if part.number == _INITIALIZER else _VALUE_NAME) in wanted
    return part.number not in (_NODE, _OUTPUT)


def _require_plain(node: Sequence[Field]) -> None:
    for attribute in node:
        if attribute.number == _NODE_ATTRIBUTE and any(
            part.number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS) for part in fields(attribute.text)
        ):
            raise ValueError("an operation holds a graph of its own")


def _texts(message: Sequence[Field], number: int) -> list[str]:
    return [bytes(field.text).decode() for field in message if field.number == number]


def _name(message: Field, number: int) -> str:
    return next(iter(_texts(list(fields(message.text)), number)), "")
