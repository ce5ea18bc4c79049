"""Notebook 04: a function as the callback of another."""

from __future__ import annotations

import json
from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, passed, until, wrong
from labkit_services.call_record.call import Call

_NEXT = "http://gateway:8080/function/notify"
_ACCEPTED, _FAILED = 202, 500
_SECONDS = 10.0
"""For a call that has just been made to reach its callback."""


def chain(work: Work) -> CheckFinding:
    """04.1: one asynchronous call of welcome, called back to notify."""
    handle: Any = work.value("grace", cell="ex-chain")
    if isinstance(handle, FunctionResponse):
        return wrong("sync")
    work.need(hasattr(handle, "accepted"), "no-handle", type=type(handle).__name__)
    call = _called_back(work, handle.id, handle.function)
    work.need(call is not None and call.function == "welcome", "other-function", function=handle.function)
    assert call is not None
    if not call.callbacks:
        return wrong("name") if call.callback_dead_reason else wrong("no-callback")
    url = call.callbacks[-1].url
    if url == _NEXT:
        return passed(id=call.id[:8])
    if not url.startswith(("http://", "https://")):
        return wrong("name")
    if "/r/slack" in url:
        return wrong("bin")
    if "//localhost" in url or "//127." in url:
        return wrong("localhost", url=url)
    return wrong("elsewhere", url=url)


def failures_are_told(work: Work) -> CheckFinding:
    """04.2: what notify made of a success, a failure and a success."""
    tried = work.value("tried", list, cell="ex-status-try")
    work.need(tried == [200, 200, 200], "raises", statuses=", ".join(map(str, tried)))
    texts = [_slack_text(request.text) for request in work.requests("slack")]
    failed = [text.startswith("FAILED") for text in texts]
    work.need(len(texts) == 3, "silent", n=len(texts))
    work.need(failed[1], "blind", text=texts[1])
    work.need(not failed[0], "all", text=texts[0])
    work.need(not failed[2], "body", text=texts[2])
    return passed(text=texts[1])


def nobody_was_told(work: Work) -> CheckFinding:
    """04.3: the status of a callback to a function that there isn't."""
    call = work.value("colleague", Call, cell="ex-nobody-call")
    status = work.number("answered", cell="ex-nobody")
    if call.callbacks and status == call.callbacks[0].status:
        return passed(status=int(status))
    if status == _ACCEPTED:
        return wrong("accepted")
    if status == call.status:
        return wrong("function")
    return wrong("other", number=status)


def _called_back(work: Work, call_id: str, function: str) -> Call | None:
    """Return a call as soon as its callback was posted, or none is."""
    return until(
        lambda: next((call for call in work.calls(function, mode="async") if call.id == call_id), None),
        lambda call: call is not None and (call.callbacks or call.is_settled),
        _SECONDS,
    )


def _slack_text(body: str) -> str:
    try:
        return str(json.loads(body)["text"])
    except (ValueError, KeyError, TypeError):
        return body


def _seconds(work: Work, name: str) -> float | None:
    return work.found(name, float)


def _notify_has_failed(work: Work) -> bool:
    callbacks = [each for call in work.calls("welcome") for each in call.callbacks]
    return any(each.url == _NEXT and each.status == _FAILED for each in callbacks)


def _messages(work: Work) -> float | None:
    found = work.found("messages", list)
    return None if found is None else len(found)


EXERCISES = (
    Exercise("04.1", chain, cells=("welcome", "notify")),
    Exercise("04.2", failures_are_told, cells=("ex-status-try",), untouched="blind"),
    Exercise("04.3", nobody_was_told, cells=("ex-nobody-call",)),
)
QUESTIONS = (Question("04.q1", right="a"),)
ARRANGEMENTS = (
    Arrangement(
        "04.o1",
        right="cedab",
        mistakes=(("ce", "accepted-late"), ("ed", "before-retries"), ("da", "slack-first"), ("ab", "answer")),
    ),
)
PREDICTIONS = (
    Prediction(
        "04.failure",
        "s",
        begun=lambda work: bool(work.calls("welcome", mode="async", state="dead")),
        observed=lambda work: _seconds(work, "told_after"),
    ),
    Prediction(
        "04.messages",
        "times",
        begun=_notify_has_failed,
        observed=_messages,
    ),
)
