"""Which hop decided a call's outcome, why, and what to do next: every case."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from call_events import BEGIN, SECOND, accepted, attempt, event, reduced, retry, sync_call, visit
from test_spans import WORKER, WORKER_KILLED, callback, delivered

from labkit_services.call_record.attribution import Surroundings, explain
from labkit_services.call_record.call_json import call_to_json
from labkit_services.contract.events import Event, EventType

WORDS = Path(__file__).parents[2] / "services/labkit_services/web/words"
NOW = Surroundings()


def refused(status: int, text: str = "no", **more: object) -> list[Event]:
    """Return a call that the gateway itself answers."""
    return [
        event(0, EventType.CALL_RECEIVED, mode=more.pop("mode", "async")),
        event(0.01, EventType.CALL_ANSWERED, status=status, platform="gateway", text=text),
    ]


def sync(status: int = 200, *, code: int | None = 0, **more: object) -> list[Event]:
    """Return a synchronous call, answered at 1 s."""
    process = [
        event(0.1, EventType.PROCESS_STARTED, service="watchdog", pid=7),
        event(0.9, EventType.PROCESS_EXITED, service="watchdog", pid=7, code=code),
    ]
    answer = more if "error" in more else {"status": status, **more}
    return [
        event(0, EventType.CALL_RECEIVED, mode="sync"),
        event(0.01, EventType.CALL_FORWARDED, replica="r"),
        *(process if code is not None else []),
        event(1, EventType.CALL_ANSWERED, **answer),
    ]


def failing(number: int, at: float, *, status: int = 500, again: bool = True, of: int = 3) -> list[Event]:
    """Return an attempt that ends with exit 1, and its retry."""
    failed = attempt("c1", at, 0.5, number, status, acked=False)
    if not again:
        return failed
    return [*failed, event(at + 0.51, EventType.RETRY_SCHEDULED, attempt=number, delay=1.0, of=of, **WORKER)]


def queued_answer(status: int, platform: str = "", text: str = "", error: str = "") -> list[Event]:
    """Return an asynchronous call whose only attempt ends so, without a retry."""
    data = {"error": error} if error else {"platform": platform, "text": text} if platform else {}
    return [
        *accepted(),
        *delivered(0.1, 1),
        event(1, EventType.INVOCATION_FINISHED, status=status, **data, **WORKER),
        event(1.01, EventType.DELIVERY_ACKED, **WORKER),
    ]


def done(*callbacks: Event) -> list[Event]:
    acked = event(9, EventType.DELIVERY_ACKED, **WORKER)
    return [*accepted(), *attempt("c1", 0.1, 1.0, acked=False), *callbacks, *([acked] if callbacks else [])]


def died(reason: str = "status 500 after 2 attempts") -> Event:
    return event(5, EventType.DELIVERY_DEAD, attempt=2, reason=reason, **WORKER)


CANCEL = event(0.6, EventType.CALL_CANCELLED)
PENDING = callback(1.2, 1.3, status=200)[:1]
QUEUED = [each for each in accepted() if each.service != "client"]

CASES: dict[str, tuple[list[Event], Surroundings, str, str, str]] = {
    # what: events, surroundings, hop, code, a part of the reason
    "sync, 200": (sync(), NOW, "function", "done", "The function succeeded with 200."),
    "sync, exit 1": (
        sync(500, code=1),
        NOW,
        "function",
        "function_exit",
        "exit code 1, so the answer is 500",
    ),
    "sync, killed": (sync(500, code=-9), NOW, "function", "function_signal", "signal 9"),
    "sync, too slow for the classic watchdog": (
        sync(408, code=-9),
        NOW,
        "function",
        "function_timeout",
        "exec_timeout",
    ),
    "sync, too slow for of-watchdog": (
        sync(
            504, code=1, platform="of-watchdog", text="the function did not answer within 1s (exec_timeout)"
        ),
        NOW,
        "function",
        "function_timeout",
        "exec_timeout",
    ),
    "sync, the watchdog's own error": (
        sync(500, code=1, platform="of-watchdog", text="EOF."),
        NOW,
        "function",
        "watchdog_error",
        "in its place: EOF.",
    ),
    "sync, over the replica's limit": (
        sync(429, code=None, platform="faas-middleware", text="limit"),
        NOW,
        "function",
        "over_limit",
        "429",
    ),
    "sync, its command does not start": (
        sync(500, code=None),
        NOW,
        "function",
        "function_not_started",
        "not be started",
    ),
    "sync, the function says 404": (sync(404), NOW, "function", "function_refuses", "itself answered 404"),
    "sync, the function says 503": (sync(503), NOW, "function", "function_error", "itself answered 503"),
    "sync, unknown function": (
        refused(404, "error finding function x: function not found", mode="sync"),
        NOW,
        "gateway",
        "unknown_function",
        "There is no function long-task",
    ),
    "sync, no replica": (
        sync(503, code=None, platform="proxy", text="No endpoints available for: x."),
        NOW,
        "gateway",
        "no_replica",
        "503",
    ),
    "sync, gateway's time limit": (
        sync(502, code=None, platform="proxy", text="x did not answer within 1 s (upstream_timeout)"),
        NOW,
        "gateway",
        "upstream_timeout",
        "upstream_timeout",
    ),
    "sync, replica crashed": (
        sync(502, code=None, platform="proxy", text="Can't reach service for: x."),
        NOW,
        "gateway",
        "unreachable",
        "502",
    ),
    "sync, another error of the gateway": (
        sync(500, code=None, platform="proxy", text="odd"),
        NOW,
        "gateway",
        "gateway_error",
        "in place of the function: odd.",
    ),
    "sync, the client is gone": (
        sync(error="the caller disconnected"),
        NOW,
        "client",
        "caller_gone",
        "disconnected",
    ),
    "sync, the client's time is up": (
        [
            event(0, EventType.CLIENT_SENT, service="client", mode="sync"),
            event(0.5, EventType.CLIENT_ANSWERED, service="client", error="timed out after 0.5 s"),
            *sync(error="the caller disconnected"),
        ],
        NOW,
        "client",
        "client_without_answer",
        "timed out after 0.5 s",
    ),
    "sync, the gateway was stopped": (
        sync(error="the gateway was stopped"),
        NOW,
        "gateway",
        "gateway_ended",
        "gateway",
    ),
    "sync, the answer broke off": (sync(error="EOF"), NOW, "gateway", "answer_broke_off", "broke off: EOF"),
    "sync, running": (sync()[:2], NOW, "function", "running", "runs, attempt 1"),
    "async, 200": ([*accepted(), *attempt("c1", 0.1, 1)], NOW, "function", "done", "succeeded with 200"),
    "async, third attempt": (
        [*accepted(), *failing(1, 0.1), *failing(2, 2), *attempt("c1", 4, 1, 3)],
        NOW,
        "function",
        "done_retried",
        "Succeeded at attempt 3 of 3. Attempts 1 and 2 ended with 500 in the function (exit 1).",
    ),
    "async, second attempt, limit unknown": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1, 1, 500, acked=False),
            retry("c1", 1.2, 1, 1),
            *attempt("c1", 4, 1, 2),
        ],
        NOW,
        "function",
        "done_retried",
        "Succeeded at attempt 2. Attempt 1 ended with 500 in the function (exit 1).",
    ),
    "async, redelivered": (
        [*WORKER_KILLED, *attempt("c1", 4, 1, 2)],
        NOW,
        "function",
        "done_retried",
        "Succeeded at attempt 2. Attempt 1 was lost with its queue-worker",
    ),
    "async, callback taken": (
        done(*callback(1.2, 1.3, status=200)),
        NOW,
        "callback",
        "delivered",
        "took the result with 200.",
    ),
    "async, callback taken at the second try": (
        done(
            *callback(1.2, 1.3, status=503),
            event(1.31, EventType.CALLBACK_RETRY, delay=1, **WORKER),
            *callback(2.4, 2.5, status=200),
        ),
        NOW,
        "callback",
        "delivered",
        "with 200, at try 2.",
    ),
    "async, callback 401": (
        done(*callback(1.2, 1.3, status=401, refused=True)),
        NOW,
        "callback",
        "callback_forbidden",
        "401",
    ),
    "async, callback 404": (
        done(*callback(1.2, 1.3, status=404, refused=True)),
        NOW,
        "callback",
        "callback_missing",
        "404",
    ),
    "async, callback redirected": (
        done(*callback(1.2, 1.3, status=302, refused=True)),
        NOW,
        "callback",
        "callback_redirect",
        "302, a redirect",
    ),
    "async, callback 422": (
        done(*callback(1.2, 1.3, status=422, refused=True)),
        NOW,
        "callback",
        "callback_refused",
        "422",
    ),
    "async, callback URL of no use": (
        done(*callback(1.2, 1.3, error="no such host", refused=True)),
        NOW,
        "callback",
        "callback_unreachable",
        "no such host",
    ),
    "async, callback dead": (
        done(
            *callback(1.2, 1.3, status=503),
            event(1.4, EventType.CALLBACK_DEAD, reason="status 503", **WORKER),
        ),
        NOW,
        "callback",
        "callback_dead",
        "dead letter after one try: status 503",
    ),
    "async, callback under way": (
        done() + PENDING,
        NOW,
        "callback",
        "callback_pending",
        "is posting the result",
    ),
    "async, callback held": (
        [
            *done(),
            *PENDING,
            event(1.25, EventType.REQUEST_CAPTURED, service="inspector", bin="x", request="r", bytes=1),
        ],
        NOW,
        "callback",
        "callback_held",
        "The bin x has the result",
    ),
    "async, callback retried": (
        [
            *done(),
            *callback(1.2, 1.3, error="refused"),
            event(1.31, EventType.CALLBACK_RETRY, delay=2, **WORKER),
        ],
        NOW,
        "callback",
        "callback_retrying",
        "(refused). The worker tries again after 2 s.",
    ),
    "async, 404 of the function": (
        [*accepted(), *attempt("c1", 0.1, 1, 1, 404)],
        NOW,
        "function",
        "function_refuses",
        "404",
    ),
    "async, refused after a retry": (
        [*accepted(), *failing(1, 0.1), *attempt("c1", 4, 1, 2, 404)],
        NOW,
        "function",
        "failed_retried",
        "Attempt 2 was rejected by the function with 404. This answer is not retried.",
    ),
    "async, unknown function": (
        queued_answer(404, "proxy", "error finding function x: function not found"),
        NOW,
        "gateway",
        "unknown_function",
        "no function",
    ),
    "async, worker's connection broke": (
        queued_answer(503, error="connection reset"),
        NOW,
        "worker",
        "worker_broke_off",
        "connection reset",
    ),
    "async, dead": (
        [*accepted(), *failing(1, 0.1), *failing(2, 2, again=False), died()],
        NOW,
        "function",
        "dead",
        "No attempt is left after 2 attempts. Attempts 1 and 2 ended with 500 in the function (exit 1).",
    ),
    "async, dead of two causes": (
        [*accepted(), *failing(1, 0.1), *failing(2, 2, status=503, again=False), died()],
        NOW,
        "function",
        "dead",
        "Attempt 1 ended with 500 in the function (exit 1). Attempt 2 ended with 503",
    ),
    "async, dead by a bug of the worker": (
        [*accepted(), *delivered(0.1, 1), died("the queue-worker failed")],
        NOW,
        "worker",
        "dead_other",
        "the queue-worker failed",
    ),
    "async, cancelled in the queue": ([*accepted(), CANCEL], NOW, "client", "cancelled_queued", "never ran"),
    "async, cancelled before a retry": (
        [*accepted(), *failing(1, 0.01), event(0.9, EventType.CALL_CANCELLED)],
        NOW,
        "client",
        "cancelled_retrying",
        "attempt 1",
    ),
    "async, cancelled while running": (
        [*accepted(), *delivered(0.1, 1), CANCEL],
        NOW,
        "client",
        "cancelled_running",
        "attempt 1",
    ),
    "async, waits for a retry": (
        [*accepted(), *failing(1, 0.1)],
        NOW,
        "function",
        "retrying",
        "Attempt 2 starts 1 s after that.",
    ),
    "async, the retry is due": (
        [*accepted(), *failing(1, 0.1)],
        Surroundings(BEGIN + 9 * SECOND),
        "queue",
        "retry_due",
        "waits for a free worker",
    ),
    "async, queued": (QUEUED, NOW, "queue", "queued", "waits in the queue faas-request"),
    "async, queued behind others": (
        QUEUED,
        Surroundings(ahead=7),
        "queue",
        "queued_behind",
        "7 calls are before it",
    ),
    "async, queued because of max_inflight": (
        QUEUED,
        Surroundings(ahead=7, max_inflight=1),
        "queue",
        "queued_limit",
        "7 calls are before it, and at most 1",
    ),
    "async, next in the queue": (
        QUEUED,
        Surroundings(ahead=0, max_inflight=1),
        "queue",
        "queued_next",
        "next one",
    ),
    "async, queued without a worker": (
        QUEUED,
        Surroundings(ahead=0, max_inflight=0),
        "worker",
        "queued_no_worker",
        "no queue-worker",
    ),
    "async, queued, worker paused": (
        QUEUED,
        Surroundings(worker="paused"),
        "worker",
        "queued_worker_paused",
        "is paused",
    ),
    "async, queued, worker stopped": (
        QUEUED,
        Surroundings(worker="stopped"),
        "worker",
        "queued_worker_stopped",
        "is stopped",
    ),
    "async, worker killed": (WORKER_KILLED, NOW, "worker", "lease", "lost during attempt 1"),
    "async, running": ([*accepted(), *delivered(0.1, 1)], NOW, "function", "running", "attempt 1"),
    "async, running longer than usual": (
        [*accepted(), *delivered(0.1, 1)],
        Surroundings(BEGIN + 60 * SECOND, usual=2.0),
        "function",
        "running_long",
        "has run for 60 s, usually it takes 2 s",
    ),
    "async, running, worker paused": (
        [*accepted(), *delivered(0.1, 1)],
        Surroundings(worker="paused"),
        "worker",
        "running_worker_paused",
        "paused",
    ),
    "async, running, worker stops": (
        [*accepted(), *delivered(0.1, 1)],
        Surroundings(worker="stopped"),
        "worker",
        "running_worker_stopped",
        "finishes",
    ),
    "async, at the worker": (
        [*accepted(), delivered(0.1, 1)[0]],
        NOW,
        "worker",
        "at_worker",
        "about to invoke",
    ),
    "async, at the gateway": (accepted()[:2], NOW, "gateway", "received", "neither stored nor forwarded"),
    "async, sent": (accepted()[:1], NOW, "gateway", "sent", "no service has reported it"),
    "only a captured request": (
        [event(1, EventType.REQUEST_CAPTURED, service="inspector", bin="x", request="r")],
        NOW,
        "lab",
        "unknown",
        "captured",
    ),
    "async, callback URL refused": (
        refused(400, "bad url"),
        NOW,
        "gateway",
        "bad_request",
        "with 400: bad url.",
    ),
    "async, GET": (refused(405, ""), NOW, "gateway", "wrong_method", "405"),
    "async, body too large": (
        refused(413, "too large"),
        NOW,
        "gateway",
        "body_too_large",
        "(413): too large.",
    ),
    "async, headers too large": (refused(431, "headers"), NOW, "gateway", "headers_too_large", "431"),
    "async, queue full": (
        refused(500, "Error queuing request: maximum messages exceeded"),
        NOW,
        "queue",
        "queue_full",
        "(500): maximum messages exceeded.",
    ),
    "async, queue down": (
        refused(500, "Error queuing request: no ack"),
        NOW,
        "queue",
        "queue_unavailable",
        "no ack",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_outcome_of(case: str) -> None:
    events, around, hop, code, part = CASES[case]

    outcome = explain(reduced(*events), around)

    assert (outcome.hop.value, outcome.code) == (hop, code), outcome
    assert part in outcome.reason
    for text in (outcome.reason, outcome.next, outcome.reason_in("zh")):
        assert text
        assert not re.search(r"[{}]|\.\.|None| {2}|。。", text), text


def test_every_outcome_of_the_catalogue_has_a_case_and_both_languages() -> None:
    english, chinese = (json.loads((WORDS / f"{name}.json").read_text("utf-8")) for name in ("en", "zh"))
    keys = {key for key in english if key.startswith("outcome.")}
    assert keys == {key for key in chinese if key.startswith("outcome.")}

    named = {key.split(".")[1] for key in keys if key.endswith(".next")}
    in_history = {key.split(".")[1] for key in keys if key.endswith(".ending")}
    # Of a lost attempt the catalogue has the history only in a call that goes on.
    assert named - {code for *_, code, _ in CASES.values()} <= {"lost"}
    assert {code for *_, code, _ in CASES.values()} <= named
    assert in_history <= named
    for key in keys:
        texts = [english[key], chinese[key]]
        forms = [list(text.values()) if isinstance(text, dict) else [text] for text in texts]
        places = [{place for form in found for place in re.findall(r"\{(\w+)\}", form)} for found in forms]
        # The Chinese texts have no plural forms: only there is {n} for 1.
        assert places[0] - {"n"} == places[1] - {"n"}, key


def test_an_outcome_is_json_that_pages_render_in_their_language() -> None:
    events, around, *_ = CASES["async, third attempt"]

    document = json.loads(json.dumps(call_to_json(reduced(*events), (), around)))

    outcome = document["outcome"]
    assert outcome["hop"] == "function"
    history = outcome["values"]["success"]["values"]["history"]
    assert history == [
        {
            "code": "attempts",
            "values": {
                "n": 2,
                "numbers": [1, 2],
                "ending": {"code": "function_exit.ending", "values": {"status": 500, "exit": 1}},
            },
        }
    ]
    assert document["redeliveries"] == 0
    assert document["spans"][0] == {
        "lane": "client",
        "kind": "waits",
        "start": BEGIN / 1e9,
        "end": pytest.approx(BEGIN / 1e9 + 0.003, abs=1e-6),
        "label": "202",
        "attempt": None,
    }


def test_a_call_whose_worker_was_killed_was_redelivered_once() -> None:
    assert reduced(*WORKER_KILLED, *attempt("c1", 4, 1, 2)).redeliveries == 1
    assert reduced(*sync_call(), *visit(2, 3, "c1")).redeliveries == 0
