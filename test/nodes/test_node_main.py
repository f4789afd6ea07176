"""A node goes on where rclpy's executors give up."""

from __future__ import annotations

import threading
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from rclpy._rclpy_pybind11 import InvalidHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.waitable import NumberOfEntities, Waitable

from hand_pose_ros.nodes.node_main import spin_on


class Destroyed(Waitable[Any]):
    """As the event handler of a subscription that another thread destroys when the executor begins to wait for it."""

    def __init__(self, node: Any) -> None:
        super().__init__(ReentrantCallbackGroup())
        self._node, self.asked = node, 0
        node.add_waitable(self)

    def get_num_entities(self) -> NumberOfEntities:
        return NumberOfEntities()

    def is_ready(self, wait_set: Any) -> bool:
        return False

    def add_to_wait_set(self, wait_set: Any) -> None:
        self.asked += 1
        self._node.remove_waitable(self)
        raise InvalidHandle("cannot use Destroyable because destruction was requested")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    "executor_type", [SingleThreadedExecutor, lambda context: MultiThreadedExecutor(2, context=context)]
)
def test_what_is_destroyed_while_the_executor_begins_to_wait_does_not_end_the_node(
    executor_type: Any,
) -> None:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("node", context=context)
    executor = executor_type(context=context)
    executor.add_node(node)
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            destroyed.append(Destroyed(node))
        if ticks == 6:
            context.try_shutdown()

    destroyed: list[Destroyed] = []
    node.create_timer(0.02, tick)
    spinning = threading.Thread(target=spin_on, args=(executor,), daemon=True)
    spinning.start()
    spinning.join(20)
    assert not spinning.is_alive()
    assert ticks >= 6
    assert destroyed[0].asked == 1
    node.destroy_node()
