"""What a live view is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from labkit.language import language
from labkit.live.feed import FeedView, OnLoop
from labkit.live.relay import Send
from labkit.workspace import LabState

WIDGET = "application/vnd.jupyter.widget-view+json"
"""MIME type of a widget in a cell's output."""
SHORT_TIMELINE = "Timeline of the lab's calls (a live view in JupyterLab)"
"""Stands for a timeline where no widget can be shown."""
SHORT_FLOW = "Flow of the lab's calls (a live view in JupyterLab)"
SHORT_GAUGE = "Gauge of the lab's queues (a live view in JupyterLab)"
SHORT_LOGS = "Logs of the lab's services and functions (a live view in JupyterLab)"


class ViewFeed(Protocol):
    """What a view shows: a lab's feed, or a record."""

    @property
    def request(self) -> Send | None:
        """Sends a page's request to the lab's API; None for a record."""

    def attach(self, view: FeedView) -> None:
        """Send what happens to ``view`` from now on; idempotent."""

    def detach(self, view: FeedView) -> None:
        """Send nothing to ``view`` any more; idempotent."""


@dataclass(frozen=True)
class ViewParts:
    """What a live view is made of.

    Attributes:
        feed: Of its lab, or of a recorded run.
        on_loop: Calls a function on the feed's event loop, from any thread.
        settings: What its script needs to know; ``settings_of``.
    """

    feed: ViewFeed
    on_loop: OnLoop
    settings: dict[str, Any]


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
