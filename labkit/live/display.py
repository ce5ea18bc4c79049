"""Live views where they can be shown, and what stands for them elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from labkit.clients.caller import in_kernel
from labkit.live.parts import SHORT_TIMELINE, ViewParts
from labkit.views.timeline.picture import CallTimeline

if TYPE_CHECKING:
    from labkit.live.timeline import TimelineView


def shows_widgets() -> bool:
    """Tell whether this is a kernel whose notebook shows widgets.

    With ``LABKIT_CI=1`` it is none: outputs are the same each time.
    """
    return in_kernel() and os.environ.get("LABKIT_CI") != "1"


class ShortTimeline(CallTimeline):
    """A timeline whose output in a notebook is the same each time."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": SHORT_TIMELINE}


def live_timeline(still: CallTimeline, parts: ViewParts) -> CallTimeline | TimelineView:
    """Return the live timeline where one can be shown, else a still one."""
    if shows_widgets():
        # Not at import: ipywidgets take a third of a second.
        from labkit.live.timeline import TimelineView

        return TimelineView(still, parts)
    if in_kernel():
        return ShortTimeline(still.calls, still.faults, still.now_ns, still.most)
    return still
