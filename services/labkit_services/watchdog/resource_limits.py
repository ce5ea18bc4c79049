"""A function's resource limits, as far as a process can have them.

A container has a control group, which counts the memory of all its processes
and gives it a share of the CPU. A process has rlimits: of memory, for each
process alone; of CPU, only a total of seconds, which is something else. So
memory is limited where the system supports it, CPU is not, and the log says
both.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.quantities import parse_quantity

LEAST_MEMORY = 2 * 1024 * 1024
"""Bytes that any program needs to start; half of them are the C library's."""

_ENFORCED = sys.platform.startswith("linux")
"""macOS has no ``prlimit``, and its kernel ignores RLIMIT_DATA."""


@dataclass(frozen=True, slots=True)
class FunctionLimits:
    """A deployment's ``limits``, as the gateway passes them on."""

    memory: str = ""  # as written, such as ``128Mi``
    cpu: str = ""  # as written, such as ``100m``
    data_bytes: int = 0  # limit for each process; 0 means no limit

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> FunctionLimits:
        """Read ``limits_memory`` and ``limits_cpu``, which are valid."""
        memory, cpu = environ.get("limits_memory", ""), environ.get("limits_cpu", "")
        data_bytes = 0
        if memory and _ENFORCED:
            with contextlib.suppress(InvalidValueError):
                data_bytes = max(int(parse_quantity(memory)), LEAST_MEMORY)
        return cls(memory, cpu, min(data_bytes, sys.maxsize))

    def apply(self, pid: int) -> None:
        """Limit a process that was just started, and all that it will start.

        RLIMIT_DATA, not RLIMIT_AS: the address space of the smallest program
        is larger than its memory by what it maps and never writes, such as
        libraries.

        From outside, after the start, because a shell that sets the limit
        first doubles the cost of a call (2.0 ms against 1.1 ms here), and
        drops variables with unusual names. The price: until the watchdog runs
        again, after microseconds or on a busy machine a few milliseconds, a
        process can allocate without limit. That memory counts towards the
        limit from then on.
        """
        # It has exited, or only root may limit it, such as sudo.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (self.data_bytes, self.data_bytes))

    def lines(self) -> Iterable[str]:
        """Yield lines for the function's log."""
        if self.memory and not self.data_bytes:
            yield f"limits.memory: {self.memory} is not enforced on this system."
        elif self.memory:
            size = f"{self.data_bytes} bytes"
            least = " (the least a program starts with)" if self.data_bytes == LEAST_MEMORY else ""
            yield (
                f"limits.memory: {self.memory}: each process of the function may allocate {size}{least};"
                " a container would count all of them together."
            )
        if self.cpu:
            yield f"limits.cpu: {self.cpu} is not enforced by processes."
