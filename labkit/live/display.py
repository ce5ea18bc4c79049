"""Whether a live view can be shown, and what each is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.clients.caller import in_kernel
from labkit.live.feed import LabFeed, OnLoop
from labkit.views.timeline.picture import CallTimeline
from labkit.workspace import LabState

if TYPE_CHECKING:
    from labkit.live.timeline import TimelineView

_LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class ViewParts:
    """What a live view is made of.

    Attributes:
        feed: Of its lab; None for a recorded run.
        on_loop: Calls a function on the feed's event loop, from any thread.
        settings: What its script needs to know; ``settings_of``.
    """

    feed: LabFeed | None
    on_loop: OnLoop
    settings: dict[str, Any]


def shows_widgets() -> bool:
    """Tell whether this is a kernel whose notebook shows widgets.

    With ``LABKIT_CI=1`` it is none: outputs are the same each time.
    """
    return in_kernel() and os.environ.get("LABKIT_CI") != "1"


def language() -> str:
    """Return the language of the notebook: that of its folder, or English."""
    folders = os.environ.get("JPY_SESSION_NAME", os.getcwd()).split(os.sep)
    return next((name for name in reversed(folders) if name in _LANGUAGES), _LANGUAGES[0])


def settings_of(kind: str, state: LabState, **options: Any) -> dict[str, Any]:
    """Return a view's settings: no secret, as a notebook may save them."""
    return {
        "kind": kind,
        "lang": language(),
        "run": state.run_id,
        "inspector": state.inspector_url,
        "gateway": state.gateway_url,
        "options": options,
    }


class ShortTimeline(CallTimeline):
    """A timeline whose output in a notebook is the same each time."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": SHORT_TIMELINE}


SHORT_TIMELINE = "Timeline of the lab's calls (a live view in JupyterLab)"


def live_timeline(still: CallTimeline, parts: ViewParts) -> CallTimeline | TimelineView:
    """Return the live timeline where one can be shown, else a still one."""
    if shows_widgets():
        # Not at import: ipywidgets take a third of a second.
        from labkit.live.timeline import TimelineView

        return TimelineView(still, parts)
    if in_kernel():
        return ShortTimeline(still.calls, still.faults, still.now_ns, still.most)
    return still
