"""The file of a recorded run: what is written is read, and what is not ours is refused."""

from __future__ import annotations

import asyncio
import json

import pytest
from call_events import BEGIN, SECOND, accepted, async_run, attempt, event

from labkit_services.call_record.record_file import (
    event_line,
    head_line,
    read_record,
    request_line,
)
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.events import Event, EventType
from labkit_services.inspector.calls.recorded_calls import RecordedCalls


def written(events: list[Event]) -> list[str]:
    return [head_line(BEGIN), *map(event_line, events)]


def test_what_is_written_is_read() -> None:
    events = [*accepted(), *attempt("c1", 0.1, 1.0)]

    record = read_record([*written(events), request_line({"id": "r1", "bin": "x", "method": "POST"})])

    assert record.head["labkit_record"] == 1
    assert [(e.time_ns, e.type, e.call_id, e.data, e.service) for e in record.events] == [
        (e.time_ns, e.type, e.call_id, e.data, e.service) for e in events
    ]
    assert record.requests == [{"id": "r1", "bin": "x", "method": "POST"}]
    assert (record.skipped, record.truncated) == (0, False)


def test_a_cut_last_line_and_lines_of_later_versions_are_skipped() -> None:
    lines = [
        *written(accepted()),
        '{"weather": {"sun": true}}\n',
        '{"event": [1, "call.received", 7]}\n',
        "[]\n",
        '{"event": [17900000',
    ]

    record = read_record(lines)

    assert len(record.events) == len(accepted())
    assert record.skipped == 3


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["hello\n"],
        ['{"event": []}\n'],
        ['{"labkit_record": "one"}\n'],
        ['{"labkit_record": 2}\n'],
        ["[" * 100_000],
        [b"\xff\xfe"],
    ],
)
def test_another_file_is_refused_with_a_reason(lines: list[str]) -> None:
    with pytest.raises(InvalidValueError, match=r"run\.jsonl"):
        read_record(lines, "run.jsonl")


def test_no_secret_is_written() -> None:
    secret = event(1, EventType.CALL_RECEIVED, Authorization="hunter2", token="hunter2", mode="async")
    request = {
        "id": "r1",
        "headers": [["Authorization", "hunter2"]],
        "body": "hunter2",
        "url": "http://u:hunter2@x/?token=hunter2",
        "query": {"token": ["hunter2"]},
        "response": {"status": 200, "headers": [["Set-Cookie", "hunter2"]]},
    }

    assert "hunter2" not in event_line(secret) + request_line(request)
    assert json.loads(event_line(secret))["event"][5] == {"mode": "async"}


def test_a_record_shows_the_calls_as_they_were_at_any_time() -> None:
    calls = RecordedCalls(read_record(written(async_run(20, 1))))

    async def states(at: float) -> dict[str, int]:
        async with calls.at(BEGIN + round(at * SECOND)) as (index, _):
            return {name: count for name, count in index.counted().items() if count}

    async def play() -> list[dict[str, int]]:
        return [await states(at) for at in (-1, 0.5, 5.0, 60.0, 0.5)]

    before, early, middle, late, again = asyncio.run(play())
    assert before == {}
    assert early == again == {"accepted": 20, "queued": 19, "in_flight": 1}
    assert 0 < middle["queued"] < 19
    assert late == {"accepted": 20, "done": 20}


def test_an_empty_record_is_shown_too() -> None:
    calls = RecordedCalls(read_record([head_line(BEGIN)]))

    assert (calls.describe()["events"], calls.start_ns, calls.steps(10)) == (0, 0, [])
