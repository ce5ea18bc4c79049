"""What a learner has done: the lab's record, and the notebook's objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Protocol, TypeVar

from labkit.clients.inspector import CapturedRequest
from labkit.views.queue_status import QueueStatus
from labkit_services.call_record.call import Call, Mode
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.contract.names import short_function_name

T = TypeVar("T")

_POLL_SECONDS = 0.1
_NUMBERS = (int, float, Real)
"""``True`` is none of these for a learner."""

NS_OF_A_MOMENT = 1e15
"""A number from here on is a moment, in ns since 1970, and no span."""

UNTOUCHED = "untouched"
"""Key of the finding that a ``...`` is still in its place."""


@dataclass(frozen=True)
class CheckFinding:
    """What a check function found.

    Attributes:
        key: "" for passed, else which sentence of the catalogue:
            ``check.01.3.wrong.KEY``.
        values: What is put into the sentence.
        cell: Id of the cell that is meant; its first line is ``{cell}``, the
            heading above it is ``{part}``.
    """

    key: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    cell: str = ""


def passed(**values: Any) -> CheckFinding:
    """Return the finding that all is as it should be."""
    return CheckFinding("", values)


def wrong(key: str, *, cell: str = "", **values: Any) -> CheckFinding:
    """Return a finding with a sentence of its own."""
    return CheckFinding(key, values, cell)


def near(value: float, other: float | None, *, off: float = 0.0, ratio: float = 0.0) -> bool:
    """Tell whether a value is another one, but for ``off`` and a share."""
    return other is not None and abs(value - other) <= ratio * other + off


def until(look: Callable[[], T], is_enough: Callable[[T], object], seconds: float) -> T:
    """Return what ``look`` does as soon as it is enough, or after a while.

    For what is in the record a moment after it has happened.
    """
    deadline = time.monotonic() + seconds
    while not is_enough(seen := look()) and time.monotonic() <= deadline:
        time.sleep(_POLL_SECONDS)
    return seen


def _key_of(found: object, kind: object) -> str:
    """Return the key for an object of the wrong type."""
    if found is None:
        return "is-none"
    if isinstance(found, (BuiltinFunctionType, FunctionType, MethodType)):
        return "not-called"
    return "is-text" if isinstance(found, str) and kind in _NUMBERS else "wrong-type"


class NotDoneError(Exception):
    """Ends a check function: what it needs is not there yet."""

    def __init__(self, finding: CheckFinding) -> None:
        super().__init__(finding.key)
        self.finding = finding


class WorkLab(Protocol):
    """What a check asks the lab."""

    def calls(self) -> list[Call]:
        """Return all clients' calls since the reset, oldest first."""

    def functions(self) -> list[dict[str, Any]]:
        """Return the deployed functions, as the gateway's API does."""

    def faults(self) -> Sequence[FaultSpan]:
        """Return the injected faults."""

    def queue(self, name: str = ...) -> Any:
        """Return a queue."""


@dataclass(frozen=True)
class Work:
    """What a learner has done since the lab's reset.

    Attributes:
        lab: For what the methods below do not give.
        names: The notebook's objects, by name.
        captured: Returns the requests in a bin, oldest first.
        predicted: The learner's predictions, by id.
    """

    lab: WorkLab
    names: Mapping[str, Any]
    captured: Callable[[str], list[CapturedRequest]]
    predicted: Mapping[str, float]

    def calls(self, function: str = "", *, mode: Mode | None = None, state: str = "") -> list[Call]:
        """Return calls, oldest first; of one function, mode, state or all."""
        name = short_function_name(function)
        return [
            call
            for call in self.lab.calls()
            if name in ("", call.function) and mode in (None, call.mode) and state in ("", call.state)
        ]

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return the deployed functions, by name."""
        return {str(function["name"]): function for function in self.lab.functions()}

    def faults(self, kind: str = "", service: str = "") -> list[FaultSpan]:
        """Return the faults of a kind and a service, oldest first."""
        return [
            fault
            for fault in self.lab.faults()
            if kind in ("", fault.kind) and service in ("", fault.service)
        ]

    def queue(self, name: str) -> QueueStatus:
        """Return a queue as it is now."""
        status: QueueStatus = self.lab.queue(name).status()
        return status

    def requests(self, bin_name: str) -> list[CapturedRequest]:
        """Return the requests in a bin, oldest first; none without a bin."""
        return self.captured(bin_name)

    def value(self, name: str, kind: type[T] | tuple[type[Any], ...] = object, *, cell: str = "") -> T:  # type: ignore[assignment]
        """Return one of the notebook's objects.

        Without it the check ends: the cell was not run, its ``...`` is still
        there, or it is no ``kind``.

        Args:
            name: What it is called in the notebook.
            kind: Its type, or several.
            cell: Id of the cell that makes it.
        """
        if name not in self.names:
            raise NotDoneError(CheckFinding("not-run", {"name": name}, cell))
        found = self.names[name]
        if found is ...:
            raise NotDoneError(CheckFinding(UNTOUCHED, {"name": name}, cell))
        if not isinstance(found, kind) or (isinstance(found, bool) and kind in _NUMBERS):
            values = {"name": name, "type": type(found).__name__}
            raise NotDoneError(CheckFinding(_key_of(found, kind), values, cell))
        return found

    def found(self, name: str, kind: type[T]) -> T | None:
        """Return one of the notebook's objects, or None if it is no ``kind``.

        For predictions, which end no check.
        """
        found = self.names.get(name)
        return found if isinstance(found, kind) else None

    def number(self, name: str, *, cell: str = "") -> float:
        """Return one of the notebook's numbers; see ``value``."""
        return float(self.value(name, Real, cell=cell))

    def need(self, condition: object, key: str, *, cell: str = "", **values: Any) -> None:
        """End the check with a finding unless a condition holds."""
        if not condition:
            raise NotDoneError(CheckFinding(key, values, cell))
