"""Injected faults: their kinds, and how they are shown."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from labkit.language import translated
from labkit.views.formatting import format_seconds
from labkit.views.tables import Rows, TableList
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.call_record.fault_spans import FaultSpan


class FaultKind(StrEnum):
    """The faults that can be injected into a service."""

    KILL = "kill"  # SIGKILL; over when the service has been restarted
    STOP = "stop"  # stopped with SIGTERM; started again at the end
    PAUSE = "pause"  # SIGSTOP, at the end SIGCONT: it keeps its connections but does not respond
    RESTART = "restart"  # stopped with SIGTERM and started again at once
    SLOW = "slow"  # delay and limited bandwidth between the queue-workers and the gateway


class FaultList(TableList[Any]):
    """``FaultSpan``s, oldest first; shows itself as a table."""

    heading = ("began at (UTC)", "what", "lasted")
    empty = "no faults"

    def rows(self) -> Rows:
        """Return the table: the heading, then a row for each fault."""
        return [self.heading, *map(_row, self)]


def fault_text(span: FaultSpan, words: ViewWords = ENGLISH) -> str:
    """Return a fault's name and duration: ``queue-worker killed: 0.61 s``."""
    key = f"fault.{span.kind}" if span.kind in (*FaultKind, "down") else "fault.other"
    lasted = None if span.ended is None else (span.ended - span.began) / 1e9
    time_ = format_seconds(lasted, words.text("fault.goes-on"))
    return words.text(key, service=span.service, kind=span.kind, time=time_)


def _row(span: FaultSpan) -> tuple[str, ...]:
    seconds, rest = divmod(span.began, 10**9)
    began = f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}.{rest // 10**6:03d}"
    how = "".join(f", {key} {value}" for key, value in span.how.items())
    lasted = translated("goes on") if span.ended is None else format_seconds((span.ended - span.began) / 1e9)
    return began, f"{span.service} {span.kind}{how}", lasted
