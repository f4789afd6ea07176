"""A file of parameters is read as ROS reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

import yaml
from rclpy.node import Node

from hand_pose_ros.nodes.parameters.parameter_files import parameters_of

FILE = """
/ns/t:
  ros__parameters: {a: exact}
/**:
  ros__parameters: {a: all, b: all, c: all, d: all, e: all, f: all}
/**/t:
  ros__parameters: {b: deep}
ns:
  t:
    ros__parameters: {c: nested}
  other:
    ros__parameters: {f: other}
/ns/*:
  ros__parameters: {d: star}
t:
  ros__parameters: {e: plain}
"""


@pytest.mark.parametrize("namespace", ["", "ns", "deep/ns", "elsewhere"])
def test_a_node_gets_what_the_middleware_gives_it(tmp_path: Path, namespace: str) -> None:
    (tmp_path / "p.yaml").write_text(FILE)
    context = rclpy.Context()
    rclpy.init(args=["x", "--ros-args", "--params-file", str(tmp_path / "p.yaml")], context=context)
    try:
        node = Node(
            "t", namespace=namespace, context=context, automatically_declare_parameters_from_overrides=True
        )
        given = {name: node.get_parameter(name).value for name in "abcdef"}
        full_name = node.get_fully_qualified_name()
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    assert parameters_of(yaml.safe_load(FILE), full_name) == given


@pytest.mark.parametrize(
    "content", [None, [], "text", {"a": 1}, {"/**": {"ros__parameters": None}}, {1: {2: 3}}]
)
def test_files_without_parameters_say_nothing(content: object) -> None:
    assert parameters_of(content, "/t") == {}


def test_a_file_that_leads_in_a_circle_ends() -> None:
    circle = yaml.safe_load("&a {t: {ros__parameters: {x: 1}}, b: *a}")
    assert parameters_of(circle, "/t") == {"x": 1}
