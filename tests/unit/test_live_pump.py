"""What a live view is sent next, and what a page reads that is loaded later."""

from __future__ import annotations

from typing import Any

from labkit.live.pump import KEYFRAME_CALLS, KEYFRAME_LEAST_CALLS, Outbox, pruned


def call(
    number: int, *, end: float | None = None, state: str = "done", function: str = "f"
) -> dict[str, Any]:
    return {
        "callId": f"c{number}",
        "function": function,
        "state": state,
        "settled": end is not None,
        "spans": [{"start": float(number), "end": end}],
    }


def test_a_call_that_changed_twice_is_sent_once_as_it_is_now() -> None:
    outbox = Outbox(["calls"])
    outbox.put("calls", {"calls": [call(1, state="queued"), call(2)], "counts": {"queued": 1}})
    outbox.put("calls", {"calls": [call(1, state="done")], "counts": {"queued": 0}})

    message = outbox.take()

    assert message is not None
    assert message["seq"] == 1
    assert [(one["callId"], one["state"]) for one in message["topics"]["calls"]["calls"]] == [
        ("c1", "done"),
        ("c2", "done"),
    ]
    assert message["topics"]["calls"]["counts"] == {"queued": 0}
    assert outbox.take() is None


def test_two_functions_calls_with_one_id_are_two() -> None:
    outbox = Outbox(["calls"])
    outbox.put("calls", {"calls": [call(1, function="f"), call(1, function="g")]})

    message = outbox.take()

    assert message is not None
    assert len(message["topics"]["calls"]["calls"]) == 2


def test_other_topics_are_not_sent_and_take_no_number() -> None:
    outbox = Outbox(["calls"])
    outbox.put("queues", {"queues": []})

    assert outbox.take() is None
    assert outbox.seq == 0


def test_lines_are_appended_until_they_are_sent_and_bounded() -> None:
    outbox = Outbox(["logs"])
    for number in range(3_000):
        outbox.put("logs", {"lines": [{"text": str(number)}]})

    message = outbox.take()
    outbox.put("logs", {"lines": [{"text": "next"}]})
    following = outbox.take()

    assert message is not None
    assert following is not None
    assert len(message["topics"]["logs"]["lines"]) == 2_000
    assert message["topics"]["logs"]["lines"][-1]["text"] == "2999"
    assert [line["text"] for line in following["topics"]["logs"]["lines"]] == ["next"]


def test_of_another_topic_only_the_newest_content_is_sent() -> None:
    outbox = Outbox(["queues"])
    for depth in range(5):
        outbox.put("queues", {"queues": [{"depth": depth}]})

    message = outbox.take()

    assert message == {"seq": 1, "topics": {"queues": {"queues": [{"depth": 4}]}}}


def test_a_reset_drops_what_was_not_sent_yet() -> None:
    outbox = Outbox(["calls", "reset"])
    outbox.put("calls", {"calls": [call(1)]})
    outbox.put("reset", {"epoch": 1})
    outbox.put("calls", {"calls": [call(2)]})

    message = outbox.take()

    assert message is not None
    assert list(message["topics"]) == ["reset", "calls"]
    assert [one["callId"] for one in message["topics"]["calls"]["calls"]] == ["c2"]


def test_a_keyframe_has_the_last_minute_but_never_more_than_500_calls() -> None:
    calls = [call(number, end=1000.0) for number in range(700)]

    kept = pruned(calls, now=1010.0)

    assert len(kept) == KEYFRAME_CALLS
    assert kept[-1]["callId"] == "c699"


def test_an_unsettled_call_is_one_of_now_however_old() -> None:
    old = [call(0), *(call(number, end=1.0) for number in range(1, 400))]
    recent = [call(number, end=1000.0) for number in range(400, 550)]

    kept = pruned([*old, *recent], now=1010.0)

    assert [one["callId"] for one in kept[:2]] == ["c0", "c400"]
    assert len(kept) == 151


def test_after_a_quiet_time_it_has_the_newest_calls() -> None:
    calls = [call(number, end=1.0) for number in range(300)]

    kept = pruned(calls, now=10_000.0)

    assert len(kept) == KEYFRAME_LEAST_CALLS
    assert kept[-1]["callId"] == "c299"
