"""Timelines as text and as SVG."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from call_events import BEGIN, SECOND, accepted, attempt, reduced, sync_call

from labkit.views.style_table import MOMENTS, SPANS, STATES, label_of, state_label
from labkit.views.timeline.axis import tick_text, ticks
from labkit.views.timeline.layout import Bar, Layout, MarkedMoment, Row, lay_out
from labkit.views.timeline.picture import CallTimeline
from labkit.views.timeline.svg import draw_svg
from labkit.views.timeline.text import draw_text
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.log import CallState


def async_call(call_id: str) -> list:  # type: ignore[type-arg]
    return [*accepted(call_id), *attempt(call_id, 1.0, 2.0)]


NOW = BEGIN + 10 * SECOND
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*calls: list, **more: object) -> CallTimeline:  # type: ignore[type-arg]
    return CallTimeline(tuple(reduced(*events) for events in calls), now_ns=NOW, **more)  # type: ignore[arg-type]


def test_rows_come_in_the_order_of_time_with_numbers_by_function() -> None:
    text = drawn(sync_call("b", 2.0), sync_call("a", 0.0)).text(40)
    lines = text.splitlines()
    assert lines[1].startswith("long-task 1")
    assert lines[2].startswith("long-task 2")
    assert lines[1].index("█") < lines[2].index("█")
    assert lines[1].endswith("done")
    assert "█ the function works" in text


def test_an_asynchronous_caller_is_free_while_the_function_works() -> None:
    line = drawn(async_call("a")).text(60).splitlines()[1]
    assert line.index("◆") < line.index("█")
    sync = drawn(sync_call("a")).text(60).splitlines()[1]
    assert sync.index("█") < sync.index("◆")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = drawn(async_call("a")).text(60, "ascii")
    assert text.isascii()
    assert "#" in text


def test_no_calls_are_said() -> None:
    assert drawn().text() == "no calls"
    assert "no calls" in drawn().svg()


def test_a_fault_is_a_band_where_it_overlaps() -> None:
    inside = FaultSpan("kill", "queue-worker", BEGIN + SECOND // 2, BEGIN + SECOND)
    before = replace(inside, began=BEGIN - 9 * SECOND, ended=BEGIN - 8 * SECOND)
    picture = drawn(sync_call("a"), faults=(inside, before))
    assert "queue-worker killed: 0.5" in picture.text()
    svg = ElementTree.fromstring(picture.svg())
    written = [each.text for each in svg.iter() if each.tag.endswith("text")]
    assert written.count("fault: queue-worker killed: 0.50 s") == 1


def test_the_picture_speaks_the_notebook_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FaultSpan("kill", "queue-worker", BEGIN + SECOND // 2, BEGIN + SECOND)
    picture = drawn(sync_call("a"), async_call("b"), faults=(fault,))
    monkeypatch.setenv("LABKIT_LANG", "zh")
    svg = ElementTree.fromstring(picture.svg())
    said = [each.text for each in svg.iter() if each.tag.endswith(("text", "title", "desc")) and each.text]

    assert said[0].startswith("2 次调用的时间线，共 ")
    assert "故障：queue-worker 被杀死：0.50 s" in said
    assert label_of("works", "zh") in said
    assert state_label("done", "zh") in said
    assert label_of("answered", "zh") in said
    names = r"long-task|queue-worker|faas-request|attempt|waits"  # details of a bar are the record's
    rest = re.sub(names, "", "\n".join(said))
    assert not re.search(r"[a-z]{3,}", rest), rest
    assert "没有调用" in drawn().svg()


def test_labels_of_faults_are_left_out_where_they_have_no_room() -> None:
    kills = [
        FaultSpan("kill", "queue-worker", BEGIN + n * SECOND // 20, BEGIN + (n + 1) * SECOND // 20)
        for n in range(20)
    ]
    svg = ElementTree.fromstring(drawn(sync_call("a"), faults=tuple(kills)).svg())

    written = [each for each in svg.iter() if each.tag.endswith("text") and "killed" in (each.text or "")]
    titles = [each for each in svg.iter() if each.tag.endswith("title") and "killed" in (each.text or "")]
    assert (len(written), len(titles)) == (3, 20)
    places = [float(each.get("x", "0")) for each in written]
    assert all(after - before > 200 for before, after in pairwise(places))


def test_only_the_newest_calls_have_a_row() -> None:
    picture = drawn(*(sync_call(f"c{n}", float(n)) for n in range(5)), most=2)
    assert len(lay_out(picture.calls, now_ns=NOW, most=2).rows) == 2
    assert "3 earlier calls are left out" in picture.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_is_valid_xml_with_a_title_and_without_scripts(theme: str) -> None:
    text = drawn(sync_call("a"), async_call("b")).svg(theme)  # type: ignore[arg-type]
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith("Timeline of 2 calls")
    assert not [each for each in root.iter() if each.tag in (f"{SVG}script", f"{SVG}foreignObject")]
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eevil", "\x1b[2J", "x" * 500, "a&b"])
def test_a_hostile_name_stays_text(name: str) -> None:
    call = replace(reduced(*sync_call("a")), function=name)
    picture = CallTimeline((call,), now_ns=NOW)
    ElementTree.fromstring(picture.svg())
    assert "<script" not in picture.svg()
    for text in (picture.text(), picture.svg()):
        assert "\u202e" not in text
        assert "\x1b" not in text
    assert max(map(len, picture.text(60).splitlines())) < 120


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (10.0, ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]),
        (0.004, ["0", "1 ms", "2 ms", "3 ms", "4 ms"]),
        (0.0, ["0"]),
        (3600.0, ["0", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min"]),
    ],
)
def test_the_axis_has_round_marks(seconds: float, texts: list[str]) -> None:
    marked = ticks(seconds)
    step = marked[1] if len(marked) > 1 else 1.0
    assert [tick_text(mark, step) for mark in marked] == texts


def test_an_axis_of_any_length_has_few_marks() -> None:
    for power in range(-5, 8):
        assert 2 <= len(ticks(3.0 * 10.0**power)) <= 8


def test_a_file_is_written(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = drawn(sync_call("a")).save(tmp_path / "run.svg", "dark")
    assert path.read_text().startswith("<svg")


def test_every_kind_and_every_state_of_the_table_is_drawn() -> None:
    call = reduced(*sync_call("a"))
    bars = tuple(Bar(kind, float(n), n + 1.0, kind, False) for n, kind in enumerate(SPANS))
    moments = tuple(MarkedMoment(kind, float(n), kind) for n, kind in enumerate(MOMENTS))
    layout = Layout((Row("all", call, bars, moments),), (), 20.0)
    ElementTree.fromstring(draw_svg(layout))
    assert set(STATES) == {state.value for state in CallState}
    text = draw_text(layout)
    assert all(label_of(kind) in text for kind in (*SPANS, *MOMENTS))
