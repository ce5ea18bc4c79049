"""Live views where they can be shown, and what stands for them elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from labkit.clients.caller import in_kernel
from labkit.live.control_list import ControlList
from labkit.live.parts import SHORT_LOGS, SHORT_TIMELINE, ViewParts
from labkit.views.log_lines import LogLines
from labkit.views.timeline.picture import CallTimeline

if TYPE_CHECKING:
    from labkit.live.bin import LiveBinView
    from labkit.live.logs import LogsView
    from labkit.live.panel import PanelView
    from labkit.live.timeline import TimelineView

WIDGET = "application/vnd.jupyter.widget-view+json"


def shows_widgets() -> bool:
    """Tell whether this is a kernel whose notebook shows widgets.

    With ``LABKIT_CI=1`` it is none: outputs are the same each time.
    """
    return in_kernel() and os.environ.get("LABKIT_CI") != "1"


class ShortTimeline(CallTimeline):
    """A timeline whose output in a notebook is the same each time."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": SHORT_TIMELINE}


def live_panel(parts: ViewParts) -> ControlList | PanelView:
    """Return the control panel where one can be shown, else its list."""
    controls = ControlList(str(parts.settings["lang"]))
    if shows_widgets():
        from labkit.live.panel import PanelView

        return PanelView(controls, parts)
    return controls


def live_timeline(still: CallTimeline, parts: ViewParts) -> CallTimeline | TimelineView:
    """Return the live timeline where one can be shown, else a still one."""
    if shows_widgets():
        # Not at import: ipywidgets take a third of a second.
        from labkit.live.timeline import TimelineView

        return TimelineView(still, parts)
    if in_kernel():
        return ShortTimeline(still.calls, still.faults, still.now_ns, still.most)
    return still


class ShortLogs(LogLines):
    """Logs whose output in a notebook is the same each time."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": SHORT_LOGS}


def live_log_lines(still: LogLines, parts: ViewParts) -> LogLines | LogsView:
    """Return the live logs where they can be shown, else the last lines."""
    if shows_widgets():
        from labkit.live.logs import LogsView

        return LogsView(still, parts)
    return ShortLogs(still.lines) if in_kernel() else still


def live_bin(parts: ViewParts) -> LiveBinView | None:
    """Return the live view of a bin where it can be shown."""
    if not shows_widgets():
        return None
    from labkit.live.bin import LiveBinView

    return LiveBinView(parts)


def live_card(text: str, page: str, parts: ViewParts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a lab's MIME bundle: a card, which is live where it can be.

    Args:
        text: The lab as text.
        page: The lab as HTML.
        parts: What the card is made of.
    """
    if not shows_widgets():
        return {"text/plain": text, "text/html": page}, {}
    from labkit.live.card import CardView

    return CardView(parts, text, page)._repr_mimebundle_()
