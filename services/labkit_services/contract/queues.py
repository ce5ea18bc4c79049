"""Queues, and what belongs to each: the names of streams and subjects."""

from __future__ import annotations

import re

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import RESULT_SUBJECT

STREAM_PREFIX = "OF_"
DEAD_SUFFIX = "_dead"
MAX_INFLIGHT = 1000
"""Calls of one queue that a worker may be told to run at once."""
_QUEUE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_]{0,62}")
_PLAIN_TOKEN = re.compile(r"[-A-Za-z0-9_]{1,128}")


def check_queue_name(name: str) -> str:
    """Return ``name`` if a queue can be called so.

    It is a subject and part of a stream's name, and ``_dead`` at its end would be
    another queue's dead letters.

    Raises:
        InvalidValueError: It can't.
    """
    if not _QUEUE.fullmatch(name) or name.endswith(DEAD_SUFFIX):
        raise InvalidValueError(
            f"a queue can't be called {name[:80]!r}",
            expected=f"at most 63 letters, digits, - and _, with no {DEAD_SUFFIX} at the end",
            seen=repr(name[:80]),
        )
    return name


def queue_stream(queue: str) -> str:
    """Return the name of the stream that holds ``queue``, as in OpenFaaS Pro: ``OF_<queue>``."""
    return STREAM_PREFIX + queue


def dead_stream(queue: str) -> str:
    """Return the name of the stream that holds the dead letters of ``queue``."""
    return queue_stream(queue) + DEAD_SUFFIX


def dead_subject(queue: str, call_id: str | None) -> str:
    """Return the subject of one call's dead letters; with None for the id, of all of them."""
    # Not "*" for all: a client may call its call so.
    return f"lab.dead.{queue}.{'*' if call_id is None else call_token(call_id)}"


def result_subject(call_id: str) -> str:
    """Return the subject on which the result of a call is kept."""
    return f"{RESULT_SUBJECT}.{call_token(call_id)}"


def call_token(call_id: str) -> str:
    """Return what stands for a call id in subjects and keys, where not every character may stand.

    An id such as a UUID stands for itself. A client's own may be any text.
    """
    if _PLAIN_TOKEN.fullmatch(call_id):
        return call_id
    import hashlib  # not at import: it brings OpenSSL, 5 ms that most programs can do without

    return "=" + hashlib.sha256(call_id.encode(errors="surrogateescape")).hexdigest()


def worker_control_subject(queue: str) -> str:
    """Return where the workers of ``queue`` take requests such as ``{"max_inflight": 10}``."""
    return f"lab.control.queue-worker.{queue}"
