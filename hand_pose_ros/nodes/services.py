"""The tracker node's services. They take effect with the next frame.

``~/reset``, ``~/set_enabled``, ``~/recalibrate``, ``~/engage_palm``.

In: the node and where its worker is at the moment. Out: answers, and requests to the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

if TYPE_CHECKING:
    from hand_pose_ros.nodes.frame_worker import FrameWorker


class TrackerServices:
    """``worker`` returns the worker, None while the node is not active: then every service fails and says so."""

    def __init__(self, node: Node, worker: Callable[[], FrameWorker | None]) -> None:
        self._worker = worker
        node.create_service(Trigger, "~/reset", self._on_reset)
        node.create_service(SetBool, "~/set_enabled", self._on_set_enabled)
        node.create_service(Trigger, "~/recalibrate", self._on_recalibrate)
        node.create_service(SetBool, "~/engage_palm", self._on_engage_palm)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Forgets every track."""
        worker = self._active_worker(response)
        if worker is not None:
            worker.request_reset()
            response.message = "the tracker starts afresh with the next frame"
        return response

    def _on_set_enabled(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Stops or resumes the work on depth images, without loading anything again."""
        worker = self._active_worker(response)
        if worker is not None:
            worker.set_enabled(request.data)
            response.message = (
                "the tracker looks at depth images" if request.data else "depth images are left alone"
            )
        return response

    def _on_recalibrate(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Learns the size of the hands anew."""
        worker = self._active_worker(response)
        if worker is not None:
            response.success, response.message = worker.request_recalibration()
        return response

    def _on_engage_palm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Lets an arm follow the palms in view, or stay."""
        worker = self._active_worker(response)
        if worker is not None:
            response.success, response.message = worker.engage_palm(request.data)
        return response

    def _active_worker(self, response: Trigger.Response | SetBool.Response) -> FrameWorker | None:
        worker = self._worker()
        response.success = worker is not None
        if worker is None:
            response.message = "the node is not active"
        return worker
