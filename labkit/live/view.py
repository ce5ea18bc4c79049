"""A live view: an ipywidget that shows what happens in the lab.

This module imports ipywidgets, which takes a third of a second: only a
kernel does, when a view is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from weakref import WeakSet

import anywidget
import ipywidgets
import traitlets

from labkit.clients.connections import log_failed_task
from labkit.live.parts import WIDGET, ViewParts
from labkit.live.pump import Outbox
from labkit.live.relay import Relay
from labkit.live.script import script, style

_CORE_TOPICS = ("reset", "ended", "problem")
_shown: dict[str, tuple[str, WeakSet[LiveView]]] = {}
"""By cell: the execution in which views were shown, and these."""


class LiveView(anywidget.AnyWidget):
    """Base of the live views.

    A subclass sets ``kind``, the name of its module in ``web/notebook``,
    ``topics``, and ``styles``, the style sheets below ``web`` that it needs.

    Its connection to the page opens when it is shown first, or put into a box.
    It closes when its cell runs again or is deleted.

    Attributes:
        settings: What the script needs to know: no secrets, as a notebook may
            save it.
        keyframe: What a page shows that is loaded now: the last minute.
        shows: How often it was shown. The page tells with it which of these
            has gone, as a busy kernel reads it after the next was shown.
    """

    kind: ClassVar[str] = ""
    topics: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]] = ()

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    keyframe = traitlets.Dict().tag(sync=True)
    shows = traitlets.Int().tag(sync=True)

    def __init__(self, parts: ViewParts, topics: Iterable[str] = ()) -> None:
        """Make a view; ``topics`` are more than those of its class."""
        self._feed = parts.feed
        self._on_loop = parts.on_loop
        self._lock = threading.RLock()
        self._cells: set[str] = set()
        self._handlers: list[Callable[[dict[str, Any]], None]] = []
        self.outbox = Outbox((*_CORE_TOPICS, *self.topics, *topics))
        super().__init__(
            _esm=script(self.kind, str(parts.settings["lang"])),
            _css=style("notebook/host.css", *self.styles),
            settings=parts.settings,
        )
        self.on_msg(self._receive)
        self._relay: Relay | None = None
        if (send := self._feed.request) is not None:
            self._relay = Relay(send, self.post, self._on_loop, log_failed_task)
            self.on_page_message(self._relay.receive)

    def __repr__(self) -> str:
        return f"<live view: {self.kind}>"

    # -- shown in a cell

    def open(self) -> None:
        """Wait: the connection to the page opens when ``model_id`` is read."""

    @property
    def model_id(self) -> str:
        """The widget's id; the first read connects it to page and lab."""
        with self._lock:
            if self.comm is None:
                if self.layout.comm is None:  # type: ignore[has-type]  # closed with the view
                    self.layout = ipywidgets.Layout()
                super().open()
                self._note_cell()
                self._on_loop(self._feed.attach, self)
            return str(self.comm.comm_id)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        reference = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        self._note_cell()
        self.shows += 1
        return {
            WIDGET: reference,
            "text/plain": self.short_text(),
            **self.picture(),
        }, {}

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return repr(self)

    def picture(self) -> dict[str, str]:
        """Return a picture of the moment by its MIME type."""
        return {}

    def _note_cell(self) -> None:
        """Close the views of earlier runs of this cell."""
        cell, execution = _running_cell()
        if not cell:
            return
        before, views = _shown.get(cell, ("", WeakSet()))
        if before != execution:
            for view in list(views):
                if view is not self:
                    view.leave(cell)
            views = WeakSet()
            _shown[cell] = execution, views
        views.add(self)
        self._cells.add(cell)

    def leave(self, cell: str) -> None:
        """Close it if no other cell shows it."""
        self._cells.discard(cell)
        if not self._cells:
            self.close()

    def close(self) -> None:
        """Disconnect it from page and lab; showing it again connects it."""
        with self._lock:
            if self.comm is None:
                return
            super().close()
            self.layout.close()
            # A notebook keeps its outputs' objects: they must not be large.
            self.keyframe = {}
            # ipywidgets hides a closed widget's form for notebooks.
            self.__dict__.pop("_repr_mimebundle_", None)
        self._on_loop(self._feed.detach, self)
        if self._relay is not None:
            self._relay.close()

    # -- messages; the feed calls the first two on the background loop

    def post(self, message: dict[str, Any]) -> None:
        """Send a message to the page, from any thread."""
        with self._lock:
            if self.comm is not None:
                self.send(message)

    def post_keyframe(self, keyframe: dict[str, Any]) -> None:
        """Set what a page shows that is loaded later."""
        with self._lock:
            if self.comm is not None:
                self.keyframe = keyframe

    def on_page_message(self, handler: Callable[[dict[str, Any]], None]) -> None:
        """Call ``handler`` with each message of the page, on any thread."""
        self._handlers.append(handler)

    def _receive(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("view") == "gone":
            if content.get("shows", self.shows) == self.shows:
                self.close()
        elif content.get("view") == "hidden":
            self._on_loop(self._feed.detach, self)
        elif content.get("view") == "shown" and self.comm is not None:
            self._on_loop(self._feed.attach, self)
        for handler in self._handlers:
            handler(content)


def _running_cell() -> tuple[str, str]:
    """Return the running cell's id and its execution's; "" if unknown."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    cell = (parent.get("metadata") or {}).get("cellId", "")
    return str(cell), str((parent.get("header") or {}).get("msg_id", ""))
