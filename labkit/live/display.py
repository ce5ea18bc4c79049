"""Live views where they can be shown, and what stands for them elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from labkit.clients.caller import in_kernel
from labkit.live.control_list import ControlList
from labkit.live.parts import SHORT_FLOW, SHORT_GAUGE, SHORT_LOGS, SHORT_TIMELINE, ViewParts
from labkit.views.flow import CallFlow
from labkit.views.log_lines import LogLines
from labkit.views.not_available import NotAvailable
from labkit.views.queue_status import QueueFigures
from labkit.views.timeline.picture import CallTimeline

if TYPE_CHECKING:
    from labkit.live.bin import LiveBinView
    from labkit.live.flow import FlowView
    from labkit.live.gauge import GaugeView
    from labkit.live.logs import LogsView
    from labkit.live.panel import PanelView
    from labkit.live.timeline import TimelineView

S = TypeVar("S")
V = TypeVar("V")


def shows_widgets() -> bool:
    """Tell whether this is a kernel whose notebook shows widgets.

    With ``LABKIT_CI=1`` it is none: outputs are the same each time.
    """
    return in_kernel() and os.environ.get("LABKIT_CI") != "1"


def import_widgets() -> None:
    """Import what live views are made of, if they can be shown here."""
    if shows_widgets():
        with suppress(ImportError):  # the first view that is shown reports it
            import_module("labkit.live.card")


class _Short:
    """Makes a view's output in a notebook the same each time."""

    short: ClassVar[str]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": self.short}


class ShortTimeline(_Short, CallTimeline):
    """A timeline whose output in a notebook is the same each time."""

    short = SHORT_TIMELINE


class ShortFlow(_Short, CallFlow):
    """A flow whose output in a notebook is the same each time."""

    short = SHORT_FLOW


class ShortGauge(_Short, QueueFigures):
    """A gauge whose output in a notebook is the same each time."""

    short = SHORT_GAUGE


class ShortLogs(_Short, LogLines):
    """Logs whose output in a notebook is the same each time."""

    short = SHORT_LOGS


@dataclass(frozen=True)
class ViewForms(Generic[S, V]):
    """The forms of a view: live in a notebook, else still.

    Attributes:
        live: Module and name of the live view's class. It is imported when
            one is shown: ipywidgets take a third of a second.
        shorten: Returns the still view with an output that is the same each
            time, for a kernel whose notebook shows no widgets.
    """

    live: str
    shorten: Callable[[S], S]

    def show(self, still: S, parts: ViewParts | None) -> S | V:
        """Return the live view where one can be shown, else a still one.

        Without ``parts`` there is no live view; a note stays what it is.
        """
        if isinstance(still, NotAvailable):
            return still
        if shows_widgets():
            return still if parts is None else cast(V, resolve_name(self.live)(still, parts))
        return self.shorten(still) if in_kernel() else still


TIMELINE: ViewForms[CallTimeline, TimelineView] = ViewForms(
    "labkit.live.timeline:TimelineView",
    lambda still: ShortTimeline(still.calls, still.faults, still.now_ns, still.most),
)
FLOW: ViewForms[CallFlow, FlowView] = ViewForms(
    "labkit.live.flow:FlowView", lambda still: ShortFlow(still.counts, still.faults)
)
GAUGE: ViewForms[QueueFigures, GaugeView] = ViewForms("labkit.live.gauge:GaugeView", ShortGauge)
LOGS: ViewForms[LogLines, LogsView] = ViewForms(
    "labkit.live.logs:LogsView", lambda still: ShortLogs(still.lines)
)
PANEL: ViewForms[ControlList, PanelView] = ViewForms("labkit.live.panel:PanelView", lambda still: still)


def live_bin(parts: ViewParts) -> LiveBinView | None:
    """Return the live view of a bin where it can be shown."""
    if not shows_widgets():
        return None
    from labkit.live.bin import LiveBinView

    return LiveBinView(parts)


def live_card(text: str, page: str, parts: ViewParts | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a lab's MIME bundle: a card, which is live where it can be.

    Args:
        text: The lab as text.
        page: The lab as HTML.
        parts: What the card is made of; None is a still one.
    """
    if parts is None or not shows_widgets():
        return {"text/plain": text, "text/html": page}, {}
    from labkit.live.card import CardView

    return CardView(parts, text, page)._repr_mimebundle_()
