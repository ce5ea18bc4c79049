"""Names that belong to a queue or a call: streams, subjects, tokens."""

from __future__ import annotations

import re

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import RESULT_SUBJECT, short_function_name

STREAM_PREFIX = "OF_"
DEAD_SUFFIX = "_dead"
MAX_INFLIGHT = 1000
"""Upper bound of ``max_inflight``: calls of one queue that a worker runs at
once."""
MAX_ATTEMPTS = 10_000
"""Upper bound of the attempts at a call, or at its callback."""
SHORTEST_LEASE_SECONDS = 0.2
"""Lower bound of ``ack_wait``: a lease must last until it can be renewed."""
_QUEUE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_]{0,62}")
_PLAIN_TOKEN = re.compile(r"[-A-Za-z0-9_]{1,128}")
_PLAIN_FUNCTION = re.compile(r"[-A-Za-z0-9_.]{1,128}")


def check_queue_name(name: str) -> str:
    """Return ``name`` if it is valid for a queue, or raise InvalidValueError.

    It is used as a subject and in names of streams, where the suffix ``_dead``
    marks dead letters.
    """
    if not _QUEUE.fullmatch(name) or name.endswith(DEAD_SUFFIX):
        raise InvalidValueError(
            f"{name[:80]!r} is not a valid name for a queue",
            expected=f"at most 63 letters, digits, - and _, with no {DEAD_SUFFIX} at the end",
            seen=repr(name[:80]),
        )
    return name


def queue_stream(queue: str) -> str:
    """Return the name of a queue's stream, as in OpenFaaS Pro."""
    return STREAM_PREFIX + queue


def dead_stream(queue: str) -> str:
    """Return the name of the stream of a queue's dead letters."""
    return queue_stream(queue) + DEAD_SUFFIX


def dead_subject(queue: str, call_id: str | None) -> str:
    """Return the subject of an id's dead letters; None is all ids."""
    # "*" can't stand for all calls: a client may use it as a call id.
    return f"lab.dead.{queue}.{'*' if call_id is None else call_token(call_id)}"


def result_subject(call_id: str, function: str) -> str:
    """Return the subject of a call's result."""
    return f"{RESULT_SUBJECT}.{job_token(call_id, function)}"


def job_token(call_id: str, function: str) -> str:
    """Return the token of a call: of its id and its function.

    Calls of several functions may have the same id. ``function`` is spelled
    with or without the default namespace.
    """
    name = short_function_name(function)
    plain = name.replace(".", "=") if _PLAIN_FUNCTION.fullmatch(name) else call_token(name)
    return f"{call_token(call_id)}={plain}"


def call_token(call_id: str) -> str:
    """Return a form of a call id that is valid in subjects and bucket keys.

    An id of letters, digits, - and _, such as a UUID, is its own token. Any
    other, which a client may choose freely, is hashed.
    """
    if _PLAIN_TOKEN.fullmatch(call_id):
        return call_id
    import hashlib  # imported late: it loads OpenSSL, 5 ms that most programs never need

    return "=" + hashlib.sha256(call_id.encode(errors="surrogateescape")).hexdigest()


def worker_control_subject(queue: str) -> str:
    """Return the subject of control requests to the workers of a queue."""
    return f"lab.control.queue-worker.{queue}"
