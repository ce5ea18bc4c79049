"""The flow of calls and the queues' figures at one moment: as text, as SVG, as HTML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from call_events import BEGIN, accepted, attempt, reduced, sync_call

from labkit.live import display
from labkit.views.flow import CallFlow
from labkit.views.queue_status import QueueFigures, QueueStatus
from labkit_services.call_record.fault_spans import FaultSpan

SVG = "{http://www.w3.org/2000/svg}"
PAUSED = FaultSpan("pause", "queue-worker", BEGIN)
CALLS = tuple(
    reduced(*events)
    for events in (sync_call("a"), [*accepted("b"), *attempt("b", 1.0, 2.0)], accepted("c"), accepted("d"))
)
STATUS = QueueStatus("faas-request", 2, 1, 0, 0, 1.5, 3, 0, 1, ())


def test_a_flow_counts_calls_by_station() -> None:
    flow = CallFlow.of(CALLS, [PAUSED, replace(PAUSED, kind="stop", ended=BEGIN + 1)])
    rows = [line.split() for line in flow.text().splitlines()]

    assert ["gateway", "3", "accepted"] in rows
    assert ["queue", "2", "queued"] in rows
    assert ["2", "done"] in rows
    assert ["0", "dead", "letters"] in rows
    assert rows[-1] == ["fault", "queue-worker", "pause"]
    assert repr(flow) == str(flow) == flow.text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_flow_as_svg_has_its_numbers_and_a_sentence(theme: str, tmp_path: Path) -> None:
    flow = CallFlow.of(CALLS, [replace(PAUSED, service="<&>")])
    root = ElementTree.fromstring(flow.save(tmp_path / "flow.svg", theme).read_text())  # type: ignore[arg-type]
    texts = [each.text for each in root.iter(f"{SVG}text")]

    assert {"3 accepted", "2 queued", "0 in flight", "2 done", "fault: <&> pause"} <= set(texts)
    title = root.find(f"{SVG}title")
    assert title is not None
    assert "2 queued" in str(title.text)


def test_the_figures_of_queues_are_a_table() -> None:
    assert repr(QueueFigures()) == "no queues"
    heading, row = repr(QueueFigures([STATUS])).splitlines()
    assert heading.split()[:3] == ["queue", "pending", "in"]
    assert row.split()[:4] == ["faas-request", "2", "1", "0"]


def test_where_no_widget_is_shown_the_text_is_short_and_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, figures = CallFlow.of(CALLS), QueueFigures([STATUS])
    parts = None  # nothing is made of it
    assert display.FLOW.show(flow, parts) is flow  # type: ignore[arg-type]  # a script
    assert display.GAUGE.show(figures, parts) is figures  # type: ignore[arg-type]

    monkeypatch.setattr(display, "in_kernel", lambda: True)
    monkeypatch.setenv("LABKIT_CI", "1")
    short = display.FLOW.show(flow, parts)  # type: ignore[arg-type]
    assert short._repr_mimebundle_() == {  # type: ignore[union-attr]
        "text/plain": "Flow of the lab's calls (a live view in JupyterLab)"
    }
    assert short.text() == flow.text()
    gauge = display.GAUGE.show(figures, parts)  # type: ignore[arg-type]
    assert gauge._repr_mimebundle_() == {  # type: ignore[union-attr]
        "text/plain": "Gauge of the lab's queues (a live view in JupyterLab)"
    }
