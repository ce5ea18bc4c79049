"""A client of the supervisor: one method for each of its commands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from labkit.clients.caller import describe_caller
from labkit.errors import LabGoneError, error_from_json
from labkit.workspace import LabState
from labkit_services.contract.errors import LabTimeoutError

if TYPE_CHECKING:
    from labkit.views.faults import FaultKind

CHANGE_SECONDS = 90.0
"""Timeout of a command that stops and starts services: a queue-worker finishes
its running calls."""
_ANSWER_SECONDS = 5.0
_LIMIT = 16 * 1024 * 1024


def _lab_gone(seen: str) -> LabGoneError:
    return LabGoneError(seen=seen, next_step="start it again with: labkit up")


_STOPPED = "this handle was stopped: lab.stop()"


class SupervisorClient:
    """Sends commands to one lab's supervisor.

    Attributes:
        end: The announcement of the lab's end, once it is known.
    """

    def __init__(self, state: LabState, lab_gone: Callable[[str], LabGoneError] = _lab_gone) -> None:
        """Create a client; each command opens its own connection.

        ``lab_gone`` makes the error for a supervisor that is not running, from
        what was seen ("" for a failed connection).
        """
        self._state = state
        self._lab_gone = lab_gone
        self._closed = False
        self.end: Mapping[str, Any] | None = None

    def gone(self, seen: str = "") -> LabGoneError:
        """Return the error for a lab that has ended; tells how, if known."""
        error = self._lab_gone(seen or (_STOPPED if self._closed else ""))
        if self.end is not None:
            at = time.strftime("%H:%M:%S", time.localtime(self.end["at_ns"] / 1e9))
            error.headline = f"The lab ended at {at}: {self.end['how']}."
        return error

    def close(self) -> None:
        """Make every further command fail: the handle was stopped."""
        self._closed = True

    async def _ask(self, command: str, *, timeout: float | None = _ANSWER_SECONDS, **arguments: Any) -> Any:
        """Send one command; return its result, or raise its error."""
        if self._closed:
            raise self._lab_gone(_STOPPED)
        request = {"token": self._state.control_token, "command": command, **arguments}
        try:
            async with asyncio.timeout(timeout):
                line = await self._exchange(json.dumps(request).encode() + b"\n")
        except TimeoutError:
            raise LabTimeoutError(
                f"the supervisor did not answer {command!r} in time",
                expected=f"an answer from process {self._state.pid} within {timeout:g} s",
                seen="none",
                next_step="end it with: labkit down",
            ) from None
        except ConnectionError as error:
            raise self.gone() from error
        answer = json.loads(line)
        if "error" in answer:
            raise error_from_json(answer["error"])
        return answer["ok"]

    async def _exchange(self, request: bytes) -> bytes:
        host, _, port = self._state.control.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=_LIMIT)
        try:
            writer.write(request)
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionResetError("the supervisor closed the connection")
        return line

    # -- queries

    async def status(self) -> dict[str, Any]:
        """Return the lab's state and that of every service, as JSON."""
        return dict(await self._ask("status"))

    async def timeline(self) -> list[dict[str, Any]]:
        """Return the start's phases: ``name``, ``start_ms``, ``end_ms``."""
        return list(await self._ask("timeline"))

    async def worker_settings(self) -> dict[str, str]:
        """Return the environment for one more queue-worker."""
        return dict(await self._ask("worker_settings"))

    # -- the lab

    async def next_announcement(self, number: int | None) -> dict[str, Any]:
        """Wait for a reset or the lab's end after announcement ``number``.

        With None the newest is returned at once; it may be none, number 0.
        """
        return dict(await self._ask("next_announcement", timeout=None, number=number))

    async def stop(self, timeout: float) -> str:
        """Stop the lab; return what stays in an existing NATS, or ""."""
        return str(await self._ask("stop", timeout=timeout, by=describe_caller()) or "")

    async def reset(self) -> None:
        """Delete all functions, queued calls, events and bins; keep images."""
        await self._ask("reset", timeout=CHANGE_SECONDS, by=describe_caller())

    async def configure(self, *, queue: str, max_inflight: int) -> None:
        """Store a queue's ``max_inflight`` for the workers' next start."""
        await self._ask("configure", queue=queue, max_inflight=max_inflight)

    async def scale_workers(self, count: int) -> None:
        """Scale to ``count`` queue-workers."""
        await self._ask("scale_workers", timeout=CHANGE_SECONDS, workers=count)

    # -- faults

    async def begin_fault(
        self,
        kind: FaultKind,
        service: str,
        *,
        seconds: float | None = None,
        delay: float = 0.0,
        bandwidth: float = 0.0,
    ) -> None:
        """Begin a fault; return as soon as it is active.

        It lasts for ``seconds``, or until ``end_fault``. A slow network has a
        ``delay`` in seconds, each way, and a ``bandwidth`` in bytes per
        second; 0 is unlimited.
        """
        fault = {"kind": kind, "service": service, "seconds": seconds, "delay": delay, "bandwidth": bandwidth}
        await self._ask("begin_fault", timeout=CHANGE_SECONDS, **fault)

    async def end_fault(
        self, kind: FaultKind, service: str, *, now: bool, timeout: float = CHANGE_SECONDS
    ) -> None:
        """Wait until a fault is over, or end it ``now``; idempotent."""
        await self._ask("end_fault", timeout=timeout, kind=kind, service=service, now=now)
