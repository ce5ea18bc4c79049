"""A live view as a widget: when it connects, what it shows where, when it closes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import comm
import pytest

from labkit.live import view as view_module
from labkit.live.display import TIMELINE
from labkit.live.feed import FeedView
from labkit.live.parts import SHORT_TIMELINE, ViewParts
from labkit.live.timeline import TimelineView
from labkit.views.timeline.picture import CallTimeline


class Page(comm.base_comm.BaseComm):  # type: ignore[misc]
    """A comm whose messages are kept instead of sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[tuple[str, Any]] = []
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type: str, data: Any = None, **_: Any) -> None:
        self.sent.append((msg_type, data))


class Feed:
    request = None

    def __init__(self) -> None:
        self.views: list[FeedView] = []

    def attach(self, view: FeedView) -> None:
        if view not in self.views:
            self.views.append(view)

    def detach(self, view: FeedView) -> None:
        if view in self.views:
            self.views.remove(view)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Page]]:
    opened: list[Page] = []

    def create(**given: Any) -> Page:
        opened.append(Page(**given))
        return opened[-1]

    monkeypatch.setattr(comm, "create_comm", create)
    yield opened
    for page in opened:
        page.close()


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    running = SimpleNamespace(id="a", execution="1")
    monkeypatch.setattr(view_module, "_running_cell", lambda: (running.id, running.execution))
    monkeypatch.setattr(view_module, "_shown", {})
    return running


def made(feed: Feed) -> TimelineView:
    settings = {"kind": "timeline", "lang": "en", "options": {}}
    return TimelineView(
        CallTimeline(()), ViewParts(feed, lambda function, *values: function(*values), settings)
    )


def open_comms(pages: list[Page]) -> int:
    return sum(not page._closed for page in pages)


def test_it_connects_when_it_is_shown_and_not_before(pages: list[Page], cell: SimpleNamespace) -> None:
    feed = Feed()
    view = made(feed)
    assert (pages, feed.views) == ([], [])

    bundle, _ = view._repr_mimebundle_()

    assert feed.views == [view]
    assert list(bundle) == ["application/vnd.jupyter.widget-view+json", "text/plain", "image/svg+xml"]
    assert bundle["text/plain"] == SHORT_TIMELINE
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id


def test_a_cell_that_runs_again_closes_its_views(pages: list[Page], cell: SimpleNamespace) -> None:
    feed = Feed()
    for execution in range(20):
        cell.execution = str(execution)
        made(feed)._repr_mimebundle_()
        made(feed)._repr_mimebundle_()

    assert len(feed.views) == 2
    assert open_comms(pages) == 4  # each has one for its layout


def test_a_view_that_another_cell_shows_stays(pages: list[Page], cell: SimpleNamespace) -> None:
    feed = Feed()
    view = made(feed)
    view._repr_mimebundle_()
    cell.id, cell.execution = "b", "2"
    view._repr_mimebundle_()
    cell.id, cell.execution = "a", "3"
    made(feed)._repr_mimebundle_()
    assert view in feed.views

    cell.id, cell.execution = "b", "4"
    made(feed)._repr_mimebundle_()
    assert view not in feed.views


def test_a_closed_view_is_small_and_can_be_shown_again(pages: list[Page], cell: SimpleNamespace) -> None:
    feed = Feed()
    view = made(feed)
    view._repr_mimebundle_()
    view.post_keyframe({"seq": 1, "topics": {"calls": {"calls": [1] * 1000}}})
    view.close()
    assert (view.keyframe, feed.views, open_comms(pages)) == ({}, [], 0)
    view.post({"seq": 2})
    view.post_keyframe({"seq": 3})

    view._repr_mimebundle_()

    assert feed.views == [view]
    assert open_comms(pages) == 2


@pytest.mark.parametrize(("news", "attached", "opened"), [("hidden", 0, 2), ("gone", 0, 0), ("shown", 1, 2)])
def test_the_page_tells_that_it_shows_a_view_no_more(
    pages: list[Page], cell: SimpleNamespace, news: str, attached: int, opened: int
) -> None:
    feed = Feed()
    view = made(feed)
    view._repr_mimebundle_()

    view._handle_custom_msg({"view": news}, [])

    assert len(feed.views) == attached
    assert open_comms(pages) == opened


def test_a_view_that_was_shown_again_meanwhile_stays(pages: list[Page], cell: SimpleNamespace) -> None:
    """A kernel that is busy reads the page's message only after the cell."""
    view = made(Feed())
    view._repr_mimebundle_()
    view._repr_mimebundle_()

    view._handle_custom_msg({"view": "gone", "shows": 1}, [])
    assert open_comms(pages) == 2
    view._handle_custom_msg({"view": "gone", "shows": 2}, [])
    assert open_comms(pages) == 0


def test_what_a_notebook_may_save_has_no_secret(pages: list[Page], cell: SimpleNamespace) -> None:
    view = made(Feed())

    assert set(view.settings) <= {"kind", "lang", "run", "inspector", "gateway", "options", "record"}


def test_a_timeline_in_a_kernel_is_a_widget_and_elsewhere_text(monkeypatch: pytest.MonkeyPatch) -> None:
    still = CallTimeline(())
    parts = ViewParts(Feed(), lambda *_: None, {"kind": "timeline", "lang": "en", "options": {}})
    assert TIMELINE.show(still, parts) is still

    monkeypatch.setattr("labkit.live.display.in_kernel", lambda: True)
    monkeypatch.delenv("LABKIT_CI", raising=False)
    live = TIMELINE.show(still, parts)
    assert isinstance(live, TimelineView)
    assert (str(live), live.svg(), live.text(40)) == (str(still), still.svg(), still.text(40))

    monkeypatch.setenv("LABKIT_CI", "1")
    short = TIMELINE.show(still, parts)
    assert short._repr_mimebundle_() == {"text/plain": SHORT_TIMELINE}  # type: ignore[union-attr]
    assert str(short) == str(still)


def test_a_script_does_not_import_ipywidgets() -> None:
    code = "import labkit.lab.lab, labkit.live.recorded_run, sys; print('ipywidgets' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
