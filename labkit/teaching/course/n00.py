"""Notebook 00: a tour of the lab, and of checks, hints and questions."""

from __future__ import annotations

from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.errors import InvalidValueError
from labkit.teaching.exercise import Exercise, Prediction, Question
from labkit.teaching.progress import ProgressReport
from labkit.teaching.summary_line import read_summaries
from labkit.teaching.work import CheckFinding, Work, passed, wrong
from labkit.views.measurement import Measurement

_FUNCTION = "shout"
_TRIALS = 3
"""Synchronous calls before the three that are predicted, at most."""
_SENT = "see you later"


def whole_answer(work: Work) -> CheckFinding:
    """00.1: a synchronous call with a word of the learner's own."""
    answer: Any = work.value("my_answer", cell="ex-answer")
    if isinstance(answer, str):
        return wrong("text" if answer.isupper() else "typed", text=answer[:30])
    work.need(not hasattr(answer, "accepted"), "receipt")
    work.value("my_answer", FunctionResponse, cell="ex-answer")
    ids = {call.id for call in work.calls(_FUNCTION, mode="sync")}
    work.need(answer.call_id in ids and answer.ok, "other-call", status=answer.status)
    work.need(answer.text not in ("", "HELLO"), "not-yours", text=answer.text)
    return passed(text=answer.text[:30], seconds=round(answer.seconds, 1))


def receipt_and_text(work: Work) -> CheckFinding:
    """00.2: the receipt of an asynchronous call, and later its output."""
    receipt: Any = work.value("my_receipt", cell="ex-receipt")
    text: Any = work.value("my_text", cell="ex-receipt")
    if isinstance(receipt, FunctionResponse):
        return wrong("sync", seconds=round(receipt.seconds, 1))
    if not hasattr(receipt, "accepted"):
        work.value("my_receipt", FunctionResponse, cell="ex-receipt")
    work.need(text != receipt.accepted, "accepted")
    work.need(not isinstance(text, FunctionResponse), "whole")
    work.value("my_text", str, cell="ex-receipt")
    work.need(text == _SENT.upper(), "other-text", text=text[:30])
    call = next((each for each in work.calls(_FUNCTION, mode="async") if each.id == receipt.id), None)
    output = receipt.result().text if call is not None and call.state == "done" else ""
    work.need(output == text, "typed")
    return passed(id=receipt.id[:8])


def summary_of_progress(work: Work) -> CheckFinding:
    """00.3: the line for the instructor, complete."""
    line: Any = work.value("my_line", cell="ex-line")
    work.need(not isinstance(line, ProgressReport), "report")
    work.need(not hasattr(line, "suffix"), "path", name=getattr(line, "name", ""))
    work.value("my_line", str, cell="ex-line")
    try:
        found = read_summaries(line)
    except InvalidValueError:
        found = []
    work.need(found, "cut")
    (_, record), *_ = found
    work.need(record.exercises or record.questions, "empty")
    return passed(n=sum("passed" in entry for entry in record.exercises.values()))


def _three_calls(work: Work) -> float | None:
    run = work.found("three", Measurement)
    return run.accepted_after if run else None


EXERCISES = (
    Exercise("00.1", whole_answer, cells=("shout",)),
    Exercise("00.2", receipt_and_text, cells=("shout",)),
    Exercise("00.3", summary_of_progress),
)
QUESTIONS = (Question("00.q1", right="a"), Question("00.q2", right="d"))
PREDICTIONS = (
    Prediction(
        "00.three",
        "s",
        begun=lambda work: len(work.calls(_FUNCTION, mode="sync")) > _TRIALS,
        observed=_three_calls,
        run=(_FUNCTION, "sync"),
    ),
)
