"""Declared parameters of a node: in comes a table of ``Parameter``; out come values that are known to be allowed.

A value that the table does not allow never stops the node from starting: the parameter is declared with its default,
the error is kept, and ``check`` raises it (the lifecycle node then fails to configure). A good value set at run time
clears the error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from hand_pose_ros.validation import shown

_TRUE_WORDS, _FALSE_WORDS = ("true", "yes", "on"), ("false", "no", "off")
"""What YAML 1.1, and so ROS, reads as a truth value when it stands without quotes."""

# Names that rclpy itself reads from the overrides.
_RCLPY_NAMES = ("use_sim_time", "start_type_description_service")


class ParameterError(ValueError):
    """A parameter has a value that its table does not allow; the message names parameter, value and what is right."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, default (its type is the parameter's type), meaning, and what is allowed.

    ``live`` parameters take effect at once; the others are read when the node configures and are locked until it is
    cleaned up.
    """

    name: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    live: bool = False
    rule: Callable[[Any], str | None] | None = None
    """Returns what is wrong with a value of the right type and range, as ``is empty``, None when nothing is."""

    def __post_init__(self) -> None:
        error = self.error(self.default)
        if error:
            raise ValueError(f"the default does not pass its own rule: {error}")

    def error(self, value: Any) -> str | None:
        """Returns why ``value`` is not allowed, in one sentence that names the parameter; None when it is."""
        wanted, given = type(self.default), f"parameter '{self.name}' is {shown(repr(value))}"
        if wanted is list:
            count, kind = len(self.default), type(self.default[0])
            fits = isinstance(value, list) and all(type(v) is kind for v in value)
            if kind is str:  # as many as there are
                if not fits or any(text not in self.choices for text in value if self.choices):
                    named = ", ".join(choice for choice in self.choices if choice) or "texts"
                    return f"{given}, want a list of: {named}"
                return self._broken_rule(value)
            if not fits or len(value) != count:
                return f"{given}, want a list of {count} values of type {kind.__name__}"
        elif type(value) is not wanted:
            article = "an" if wanted is int else "a"
            return f"{given} ({type(value).__name__}), want {article} {wanted.__name__}"
        if self.choices and value not in self.choices:
            return f"parameter '{self.name}' is '{shown(value)}', want one of: {', '.join(self.choices)}"
        numbers = value if isinstance(value, list) else [value]
        if wanted not in (str, bool):
            if not all(math.isfinite(number) for number in numbers):
                return f"{given}, want finite numbers"
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            if not all(low <= number <= high for number in numbers):
                return f"{given}, want {self.range_text()}"
        return self._broken_rule(value)

    def _broken_rule(self, value: Any) -> str | None:
        reason = self.rule(value) if self.rule is not None else None
        return None if reason is None else f"parameter '{self.name}' is {shown(repr(value))}: it {reason}"

    def from_ros(self, value: Any) -> Any:
        """Returns a value as ROS reads it from YAML as plain Python of the default's type, as far as it means one.

        Arrays become lists, whole numbers real ones. A text that stood without quotes may have been read as a truth
        value or a number: it becomes the choice of that name, or a text again. What means nothing stays as it is.
        """
        if isinstance(self.default, list):
            if type(self.default[0]) is str:
                return self._texts(value)
            if not hasattr(value, "__len__") or isinstance(value, (str, bytes)):
                return value
            real = type(self.default[0]) is float
            return [float(item) if real and type(item) is int else item for item in value]
        if type(self.default) is float and type(value) is int:
            return float(value)
        return self._text(value) if type(self.default) is str else value

    @staticmethod
    def _texts(value: Any) -> Any:
        """A value of a parameter that is a list of texts: one text with commas is one, too. An empty list, which ROS
        cannot tell the type of, is one of the empty text."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",")]
        if value is None or not hasattr(value, "__len__") or isinstance(value, bytes):
            return value
        return list(value) or [""]

    def _text(self, value: Any) -> Any:
        """A value of a parameter that is a text."""
        switch = {"true", "false"} <= set(self.choices)
        if switch and isinstance(value, str) and value.lower() in (*_TRUE_WORDS, *_FALSE_WORDS):
            value = value.lower() in _TRUE_WORDS
        if type(value) is bool:
            words = _TRUE_WORDS if value else _FALSE_WORDS
            return next((word for word in words if word in self.choices), words[1])
        return str(value) if type(value) in (int, float) else value

    def range_text(self) -> str:
        """Returns the allowed range in words."""
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        if self.minimum is None:
            return f"at most {self.maximum:g}"
        return f"{self.minimum:g} to {self.maximum:g}"

    def allowed_text(self) -> str:
        """Returns what is allowed besides the default's type, in words; empty where anything is."""
        if self.choices:
            return ", ".join(choice or '""' for choice in self.choices)
        if self.minimum is not None or self.maximum is not None:
            return self.range_text()
        return "true, false" if isinstance(self.default, bool) else ""

    def default_text(self) -> str:
        """Returns the default as one writes it in YAML."""
        return _yaml(self.default)

    def descriptor(self) -> ParameterDescriptor:
        """Returns the ROS descriptor that ``ros2 param describe`` shows."""
        bounded = self.minimum is not None or self.maximum is not None
        many = isinstance(self.default, list)
        constraints = []
        if self.choices:
            constraints.append(f"{'any' if many else 'one'} of: {self.allowed_text()}")
        if many and bounded:  # ROS has no range of a list's numbers
            constraints.append(f"{len(self.default)} numbers, {self.range_text()}")
        if not self.live:
            constraints.append("read when the node configures")
        descriptor = ParameterDescriptor(
            description=self.description, additional_constraints="; ".join(constraints)
        )
        if type(self.default) is float and bounded:
            low = -math.inf if self.minimum is None else float(self.minimum)
            high = math.inf if self.maximum is None else float(self.maximum)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif type(self.default) is int and bounded:
            lowest = -(2**63) if self.minimum is None else int(self.minimum)
            highest = 2**63 - 1 if self.maximum is None else int(self.maximum)
            descriptor.integer_range = [IntegerRange(from_value=lowest, to_value=highest)]
        return descriptor


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return value or '""'
    return f"{value:g}" if isinstance(value, float) and value != int(value) else str(value)


class DeclaredParameters:
    """The table declared on a node. ``parameters["name"]`` is the present value.

    While ``locked`` is set, only ``live`` parameters can change; the others can be set to what they are, so that a file
    of all parameters can be loaded (``ros2 param load``). ``unknown`` holds the names of given parameters that are not
    in the table; the log tells them, and what a free text is taken for that ROS read as something else.
    """

    def __init__(self, node: Node, table: Iterable[Parameter]) -> None:
        self._node = node
        self._table = {parameter.name: parameter for parameter in table}
        self._errors: dict[str, str] = {}
        self.locked = False
        # rclpy offers no public way to see a value without declaring it.
        overrides: dict[str, RosParameter] = node._parameter_overrides
        for parameter in self._table.values():
            self._declare(parameter, overrides)
        self.unknown = sorted(
            name
            for name in overrides
            if name not in self._table and name not in _RCLPY_NAMES and not node.has_parameter(name)
        )
        for name in self.unknown:
            node.get_logger().warning(f"there is no parameter '{name}': it has no effect")
        # Before rclpy compares the types: `ros2 param set /hand_tracker max_age_s 2` is a whole number.
        node.add_pre_set_parameters_callback(self._before_set)
        node.add_on_set_parameters_callback(self._on_set)

    def _declare(self, parameter: Parameter, overrides: dict[str, RosParameter]) -> None:
        default = parameter.default
        override = overrides.get(parameter.name)
        if override is not None:
            value = self._read(parameter, override.value)
            error = parameter.error(value)
            if error is None:
                default = value
            else:
                self._errors[parameter.name] = error
        # The override was looked at above: a bad one must not end the node, and a whole number is taken for a real one.
        self._node.declare_parameter(parameter.name, default, parameter.descriptor(), ignore_override=True)

    def __getitem__(self, name: str) -> Any:
        return self._table[name].from_ros(self._node.get_parameter(name).value)

    def check(self) -> None:
        """Raises ParameterError with every value given that is not allowed."""
        if self._errors:
            raise ParameterError("; ".join(self._errors.values()))

    def _read(self, parameter: Parameter, given: Any) -> Any:
        """A value that was given, of the parameter's type; what had to be guessed is told."""
        value = parameter.from_ros(given)
        if isinstance(value, str) and not isinstance(given, str) and not parameter.choices:
            read = f"the {type(given).__name__} {shown(repr(given))}"
            self._node.get_logger().warning(
                f"parameter '{parameter.name}' was read as {read} and is taken as '{shown(value)}': put it in"
                " quotes where that is not what it means (on a command line \"'...'\")"
            )
        return value

    def _before_set(self, changes: list[RosParameter]) -> list[RosParameter]:
        result = []
        for change in changes:
            parameter = self._table.get(change.name)
            if parameter is not None and change.value is not None:
                value = self._read(parameter, change.value)
                # An empty array has no type of its own: it stays what it was.
                change = RosParameter(change.name, value=value) if value != [] else change
            result.append(change)
        return result

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        for change in changes:
            parameter = self._table.get(change.name)
            if parameter is None:
                continue
            value = parameter.from_ros(change.value)
            error = parameter.error(value)
            if error is None and self.locked and not parameter.live and value != self[change.name]:
                error = (
                    f"parameter '{change.name}' is read when the node configures: deactivate and clean the node up,"
                    " set it, then configure and activate"
                )
            if error is not None:
                return SetParametersResult(successful=False, reason=error)
        for change in changes:
            self._errors.pop(change.name, None)
        return SetParametersResult(successful=True)
