"""The lifecycle node ``hand_tracker``: depth image + camera info in, hands out.

The executor's threads only put the newest pair into a one-slot mailbox; one worker thread owns the model and
publishes. The topics are in ``topics`` and ``outputs``, the parameters in ``parameters/tracker_parameters``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from hand_pose_ros.nodes import diagnostics
from hand_pose_ros.nodes.frame_worker import FrameWorker
from hand_pose_ros.nodes.inputs import DepthInputs, InputCallbacks, input_endpoints
from hand_pose_ros.nodes.interaction_outputs import PalmsBefore
from hand_pose_ros.nodes.kernel_compiler import compile_kernels
from hand_pose_ros.nodes.managed_lifecycle import ManagedNode, run_managed_node
from hand_pose_ros.nodes.node_main import of_a_living_node
from hand_pose_ros.nodes.outputs import OPTIONAL_ENDPOINTS, OUTPUT_ENDPOINTS, HandOutputs
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PAGE, TRACKER_PARAMETERS
from hand_pose_ros.nodes.services import TrackerServices
from hand_pose_ros.nodes.several_publishers import SeveralPublishers
from hand_pose_ros.nodes.topics import HANDS_TOPIC
from hand_pose_ros.nodes.tracker_factory import build_tracker

if TYPE_CHECKING:
    from hand_pose_ros.tracking.tracker import HandTracker

_THREADS = 3  # a transition, what asks for the state meanwhile, everything else

Preparation = Callable[[Callable[[str], object], Callable[[], bool]], None]


class HandTrackerNode(ManagedNode):
    """``tracker_factory`` makes the tracker from the parameters when the node configures, after ``prepare(log, runs)``,
    which gives up once ``runs()`` is false."""

    def __init__(
        self,
        tracker_factory: Callable[[DeclaredParameters], Any] = build_tracker,
        node_name: str = "hand_tracker",
        prepare: Preparation | None = None,
        **node_arguments: Any,
    ) -> None:
        super().__init__(node_name, **node_arguments)
        self._tracker_factory = tracker_factory
        self._prepare = prepare
        self._configuring = False
        self._tracker: HandTracker | None = None
        self._inputs: DepthInputs | None = None
        self._palms: PalmsBefore | None = None
        self._outputs: HandOutputs | None = None
        self._worker: FrameWorker | None = None
        self.statistics = diagnostics.FrameStatistics()
        endpoints = (*input_endpoints(self), *OUTPUT_ENDPOINTS, *OPTIONAL_ENDPOINTS)
        self._declare(TRACKER_PARAMETERS, endpoints)
        self._hands_publishers = SeveralPublishers(self, self.resolve_topic_name(HANDS_TOPIC))
        self._tracker_services = TrackerServices(self, lambda: self._worker)
        self._begin_diagnostics(self._publish_diagnostics)
        backwards = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False
        )
        self._jump = self.get_clock().create_jump_callback(backwards, post_callback=self._on_clock_jump)

    @of_a_living_node
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Checks the parameters, loads the model, warms it up. Fails with one message when something is wrong."""
        self._configuring, self._configure_error = True, None
        try:
            self.parameters.check()
            self.parameters.locked = True
            if self._prepare is not None:
                self._prepare(self.get_logger().info, lambda: self.context.ok())
            tracker = self._tracker_factory(self.parameters)
            tracker.warm_up()
            self._outputs = HandOutputs(self, self.parameters, self.throttled_logger, self._palms)
            self._tracker = tracker
            result = super().on_configure(state)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and the node stays to be configured again
            self._tracker = None
            self._close_outputs()
            result = self._refuse_to_configure(error)
        finally:
            self._configuring = False
        return result

    @of_a_living_node
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribes to the camera and starts to publish; fails while a worker is left over."""
        if self._worker is not None:
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        assert self._outputs is not None
        assert self._tracker is not None
        self.throttled_logger.reset()
        self.statistics.begin()
        self._tracker.reset()
        info = self._tracker.model_info
        self._outputs.publish_model_info(info.name, info.sha256)
        self._worker = FrameWorker(
            self, self._tracker, self.parameters, self._outputs, self.statistics, self.throttled_logger
        )
        self._inputs = DepthInputs(
            self,
            self.throttled_logger,
            self.parameters["sync_slop_s"],
            InputCallbacks(
                on_pair=self._worker.offer,
                on_depth=self.statistics.receive,
                on_backwards=self._on_backwards,
                is_young=self._worker.young_enough,
                is_near=self._worker.near_the_clock,
                on_drop=self.statistics.drop,
                on_borrow=self.statistics.borrow,
                on_hint=self.statistics.hint,
            ),
            transport=self.parameters["input_transport"],
        )
        self._worker.on_reset = self._inputs.clear
        self.get_logger().info(
            f"tracking with model '{info.name}' on '{self._inputs.depth_topic}' and '{self._inputs.info_topic}'"
        )
        return result

    @of_a_living_node
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Ends subscriptions and publishing; the model stays loaded. Fails, and the node stays active, when a frame in
        work does not end."""
        if not self._stop():
            return TransitionCallbackReturn.FAILURE
        return super().on_deactivate(state)

    @of_a_living_node
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unloads the model; parameters may change again. A worker that does not end keeps its tracker for itself."""
        self._stop(abandon=True)
        self._close_outputs()
        self._tracker = None
        self.parameters.locked = False
        return super().on_cleanup(state)

    def close(self) -> None:
        """Stops the worker; before destroy_node, in whatever state."""
        self._stop(abandon=True)
        self._jump.unregister()

    def _close_outputs(self) -> None:
        outputs, self._outputs = self._outputs, None
        if outputs is not None:
            self._palms = outputs.interactions.palms
            outputs.close()

    def _stop(self, abandon: bool = False) -> bool:
        """Whether the worker ended, or is abandoned; else everything goes on."""
        worker = self._worker
        if worker is not None and not worker.stop():
            if not abandon:
                return False
            worker.abandon()
        self._worker = None
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if worker is not None and self._outputs is not None and rclpy.ok(context=self.context):
            self._outputs.hide()
        return True

    def _on_backwards(self, reason: str, clock_was_ns: int | None = None) -> None:
        self.throttled_logger.warn("afresh", f"{reason}: the tracker starts afresh")
        worker = self._worker
        if worker is not None:
            worker.request_reset(clock_was_ns)

    def _on_clock_jump(self, jump: TimeJump) -> None:
        if self._worker is not None and jump.delta < Duration():
            clock_was_ns = self.get_clock().now().nanoseconds - jump.delta.nanoseconds
            self._on_backwards("the clock went backwards", clock_was_ns)

    def _watch_hands_publishers(self) -> None:
        """Tells where another node, or a bag that is played, publishes hands between ours."""
        several = self._hands_publishers.report(time.monotonic())
        text = f"{several}: consumers take all of them for one tracker's" if several else None
        self.statistics.hint("publishers of hands", text)
        if text is not None:
            self.throttled_logger.warn("publishers of hands", text)

    def _publish_diagnostics(self) -> None:
        if self._worker is not None:
            self._watch_hands_publishers()
        worker, tracker = self._worker, self._tracker  # a transition in another thread may end them
        if self._configuring:
            lifecycle = "configuring"
        elif worker is not None:
            lifecycle = "active"
        else:
            lifecycle = "inactive" if tracker is not None else self.unloaded_state
        self._diagnostics.publish(
            diagnostics.diagnostic_array(
                name=f"{self.get_fully_qualified_name()}: tracking",
                hardware_id=tracker.model_info.name if tracker is not None else "",
                stamp=self.get_clock().now().to_msg(),
                lifecycle=lifecycle,
                tracking=worker.tracking if worker is not None else "idle",
                statistics=self.statistics,
                last_error=self.throttled_logger.last_error(),
                details=diagnostics.tracker_details(tracker),
                configure_error=self._configure_error or diagnostics.tracker_faults(tracker),
            )
        )


def main(
    arguments: list[str] | None = None,
    tracker_factory: Callable[[DeclaredParameters], Any] = build_tracker,
) -> int:
    """Runs the node until it is interrupted; 2 with one line where it cannot be made."""

    def make() -> HandTrackerNode:
        return HandTrackerNode(tracker_factory, prepare=compile_kernels)

    return run_managed_node(TRACKER_PAGE, make, arguments, threads=_THREADS)
