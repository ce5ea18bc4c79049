"""Notebook 05: deliveries of GitHub, checked and done once."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from labkit.teaching.exercise import Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, passed, wrong

_BODY_CELL = "ex-sign-body"
_GITHUB, _GUESSED, _UNSIGNED = "GitHub", "a guessed secret", "no signature"


def signature(work: Work) -> CheckFinding:
    """05.1: the header that GitHub sends with a body."""
    given = work.value("signature", str, cell="ex-sign")
    body = work.value("body", bytes, cell=_BODY_CELL)
    key = work.value("secret", str, cell="github").encode()
    expected = _mac(key, body)
    plain = given.strip().lower().removeprefix("sha256=")
    if hmac.compare_digest(given.strip().lower(), f"sha256={expected}"):
        return passed(begin=given[:15])
    if plain == expected:
        return wrong("no-prefix", begin=given[:15])
    if plain == hashlib.sha256(body).hexdigest():
        return wrong("hash")
    if plain in (hashlib.sha256(key + body).hexdigest(), hashlib.sha256(body + key).hexdigest()):
        return wrong("joined")
    if plain == _mac(key, json.dumps(json.loads(body)).encode()):
        return wrong("other-body")
    return wrong("other", begin=given[:15])


def door(work: Work) -> CheckFinding:
    """05.2: what the door answered to three senders."""
    visits = work.value("visits", dict, cell="ex-door-try")
    genuine, guessed, unsigned = (visits[name].status for name in (_GITHUB, _GUESSED, _UNSIGNED))
    statuses = ", ".join(str(each) for each in (genuine, guessed, unsigned))
    if _is_taken(genuine) and _is_taken(guessed) and _is_taken(unsigned):
        return wrong("open" if genuine == guessed else "polite", statuses=statuses)
    work.need(genuine is not None and genuine < 500, "fails", status=genuine)
    work.need(_is_taken(genuine), "refused", status=genuine)
    work.need(not _is_taken(guessed), "any-signature", status=guessed)
    work.need(_is_refused(unsigned), "missing", status=unsigned)
    work.need(_is_refused(guessed), "missing", status=guessed)
    return passed(statuses=statuses)


def once(work: Work) -> CheckFinding:
    """05.3: builds of a delivery, of its redelivery, and of another one."""
    answers = work.value("answers", list, cell="ex-once-try")
    builds = len(work.requests("builds"))
    failed = [status for status in answers if not _is_taken(status)]
    work.need(builds != 3 or failed, "every")
    work.need(not failed, "error", status=failed[0] if failed else "")
    work.need(builds > 0, "none")
    work.need(builds != 1, "by-body")
    work.need(builds == 2, "every")
    return passed(n=builds)


def _mac(key: bytes, body: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def _is_taken(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _is_refused(status: int | None) -> bool:
    return status is not None and 400 <= status < 500


def _number(work: Work, name: str) -> float | None:
    found: Any = work.names.get(name)
    return float(found) if isinstance(found, int) else None


def _was_sent_again(work: Work) -> bool:
    copies: Any = work.names.get("copies")
    sent = {each.call_id for each in copies} if isinstance(copies, list) else set()
    return any(call.id in sent for call in work.calls("builder"))


EXERCISES = (
    Exercise("05.1", signature, cells=("github", _BODY_CELL)),
    Exercise("05.2", door, cells=("github", "ex-door-try"), untouched="open"),
    Exercise("05.3", once, cells=("github", "ex-once-try"), untouched="every"),
)
QUESTIONS = (Question("05.q1", right="d"), Question("05.q2", right="b"))
PREDICTIONS = (
    Prediction(
        "05.builds",
        "times",
        begun=lambda work: bool(work.calls("builder")),
        observed=lambda work: _number(work, "built"),
    ),
    Prediction(
        "05.again", "times", begun=_was_sent_again, observed=lambda work: _number(work, "redelivered")
    ),
)
