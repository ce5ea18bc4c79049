"""Why each statement of the notebook on failures is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_RETRY = "tests/unit/test_retry.py::"
_RETRIES = "tests/service/test_async_retries.py::"
_QUEUES = "tests/service/test_async_queues.py::"
_CANCEL = "tests/service/test_async_cancel.py::"
_ATTEMPTS = _RETRIES + "test_a_function_that_fails_twice_succeeds_at_the_third_attempt"
_WAITS = _RETRY + "test_waits_double_up_to_the_maximum"
_DEAD = _RETRIES + "test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted"
_JITTER = _RETRY + "test_full_jitter_ranges_from_zero_to_the_whole_wait"
_NO_DELAY = _RETRIES + "test_a_call_that_waits_for_a_retry_delays_no_other"
_FINAL = _RETRIES + "test_a_status_that_is_not_in_retry_codes_is_not_retried"
_REDRIVE = "tests/service/test_lab_queue.py::test_dead_letters_are_redriven_one_or_all"
_FINISHES = "tests/service/test_queue_worker.py::test_a_running_call_finishes_before_its_worker_restarts"
_EXCEPTION = (
    "tests/service/test_python_function.py"
    "::test_an_exception_is_a_500_with_one_line_and_a_traceback_in_the_log"
)
_REFUSAL = "tests/unit/test_plots.py::test_a_refusal_of_two_milliseconds_is_seen_in_a_long_run"
_AGAIN = "tests/course/test_exercises.py::test_every_exercise_in_three_ways"
_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go"
_PRO_RETRIES = "OpenFaaS documentation, OpenFaaS Pro: Retries"


def _asked(outputs: Outputs, cell: str) -> float:
    return outputs.number(cell, r"^asked (\d+) times")


def _lease_then_work(outputs: Outputs) -> bool:
    gap = outputs.number("kill", r"between their beginnings: ([\d.]+) s")
    done = outputs.number("kill", r"^done after ([\d.]+) s")
    return 4.5 < gap < 10 and 1.4 < done - gap < 4


def _is_a_storm(outputs: Outputs) -> bool:
    return _asked(outputs, "storm") > 14


PROOFS = Proofs(
    (
        HeldByTest("So the queue-worker does", _ATTEMPTS),
        HeldByTest("```mermaid", _DEAD),
        HeldByTest("one invocation of the function for a call; the first", _ATTEMPTS),
        HeldByTest("| **back-off** | the growing wait", _WAITS),
        HeldByTest("a call whose attempts are used up, kept with the reason", _DEAD),
        Shown(
            "`flaky` fails in its first two attempts",
            "retry",
            r"(?s)attempt 1: status 500.*attempt 2: status 500.*attempt 3: status 200",
        ),
        Shown(
            "Its annotations allow four attempts, and half a second",
            "retry",
            r"^attempt 1: status 500, next one after 0\.5 s$",
        ),
        Shown("The synchronous route makes one attempt", "flaky", "^synchronous: 500$"),
        Shown(
            "0.5 s, then 1 s: together 1.5",
            "retry",
            r"(?s)after 0\.5 s.*after 1\.0 s.*^done after (1\.[5-9]|2\.\d)",
        ),
        HeldByTest("A third wait would be 2 s", _WAITS),
        HeldByTest("While the call waits, the worker's slot is free", _NO_DELAY),
        Shown("`picky` answers a bad order with 400", "codes", r"^nonsense: \[\(400, None\)\] -> failed$"),
        Shown(
            "To a good one it says in the first attempt: 503",
            "codes",
            r"^two apples: \[\(503, 2\.0\), \(200, None\)\] -> done$",
        ),
        Shown(
            "so there is no retry: the call has *failed*", "codes", r"^nonsense: \[\(400, None\)\] -> failed$"
        ),
        Shown("**503** says *not now*", "codes", r"^two apples: \[\(503, 2\.0\)"),
        HeldByTest(
            "it takes the place of the back-off, but is never shorter",
            _RETRY + "test_retry_after_determines_the_wait",
        ),
        HeldByTest(
            "Retried are 408, 429, 500, 502, 503 and 504", _RETRY + "test_a_status_on_the_list_is_retried"
        ),
        HeldByTest("So the status that your function answers decides", _FINAL),
        HeldByTest("A Python error in a handler is a 500", _EXCEPTION),
        Shown(
            "This function has a bug that only some orders find",
            "orders",
            r"(?s)done after .*\[200\].*dead after",
        ),
        Shown("The bad order was tried three times", "orders", r"dead after attempts with \[500, 500, 500\]"),
        Shown(
            "the letter has the request, the reason",
            "letter",
            r"(?s)status 500 after 3 attempts.*cost.*KeyError",
        ),
        HeldByTest("with as many attempts as a new one has", _REDRIVE),
        Shown(
            "Three more attempts, the same bug",
            "redrive",
            r"dead after attempts with \[500, 500, 500, 500, 500, 500\]",
        ),
        Shown("A retry helps against bad luck, not against a bug", "redrive", "dead after attempts"),
        HeldByTest(
            "starts a new worker within a second",
            "tests/service/test_faults.py::test_a_killed_worker_is_restarted_and_loses_no_call",
        ),
        Computed("has a **lease** on it, here of five seconds", ("kill",), _lease_then_work),
        Computed("Only when a lease ends does the queue", ("kill",), _lease_then_work),
        Computed("The lease of five seconds had to end, then came 1.5 s", ("kill",), _lease_then_work),
        HeldByTest(
            "The new worker was there long before, and got nothing",
            _QUEUES + "test_a_killed_worker_loses_no_call",
        ),
        Sourced("A short lease means a short wait", "the wait is the rest of the lease"),
        HeldByTest(
            "loses its call to another, and the function runs twice",
            "tests/service/test_queue_worker.py::test_a_worker_that_cannot_renew_leases_is_restarted",
        ),
        HeldByTest("A long call is no problem", _QUEUES + "test_a_call_longer_than_ack_wait_runs_once"),
        HeldByTest("first finishes its calls", _FINISHES),
        HeldByTest("Restarts and updates lose no time", _FINISHES),
        Shown(
            "The first attempt had begun, so this function has run twice",
            "kill",
            "attempt 1: status None, attempt 2: status 200",
        ),
        HeldByTest("each is a refusal, and they stand in columns", _REFUSAL),
        Computed("All calls fail together, wait equally long", ("storm",), _is_a_storm),
        Computed("are themselves the load that makes them fail", ("storm",), _is_a_storm),
        HeldByTest("waits for anything between 0 and the doubled time", _JITTER),
        HeldByTest(
            "and the last call is usually done much sooner", _RETRY + "test_jitter_ends_a_retry_storm_sooner"
        ),
        Computed(
            "Some are refused all the same", ("spread",), lambda outputs: _asked(outputs, "spread") > 10
        ),
        Shown("The queued call never began", "cancel", "^cancelled, attempts: 0$"),
        HeldByTest(
            "The process of the running call was ended in the middle",
            _CANCEL + "test_cancelling_a_running_call_ends_its_process",
        ),
        Shown("Neither posts a callback", "cancel", "no callback is sent"),
        HeldByTest(
            "What is over can't be cancelled: the answer is then 409",
            _CANCEL + "test_finished_unknown_and_synchronous_calls_cannot_be_cancelled",
        ),
        Sourced("| Retries | none |", f"{_CE_WORKER}; {_PRO_RETRIES}"),
        Sourced("| First wait |", _PRO_RETRIES),
        Sourced("| After the last attempt | the call is gone |", f"{_CE_WORKER}; {_PRO_RETRIES}"),
        Sourced(
            "| Cancel by id | no |",
            "OpenFaaS documentation, OpenFaaS Pro: comparison with the Community Edition",
        ),
        Sourced("Dead letters are the lab's own", _PRO_RETRIES),
        HeldByTest("One failure does not make a dead letter", _ATTEMPTS),
        HeldByTest("Redriven before it is mended, the call dies again", _AGAIN),
        HeldByTest("All that retries add is work, and at last a dead letter", _DEAD),
        HeldByTest(
            "There is no retry, but the call counts as done",
            "tests/service/test_queue_worker.py::test_a_callback_reports_the_status_of_the_function",
        ),
        HeldByTest("A 400 is final.", _FINAL),
        HeldByTest(
            "The worker tries again after 408, 429 and most 5xx",
            _RETRY + "test_a_status_on_the_list_is_retried",
        ),
        HeldByTest("`Retry-After` sets the wait", _RETRY + "test_retry_after_determines_the_wait"),
        Computed("A call of a dead worker waits for the lease to end", ("kill",), _lease_then_work),
        HeldByTest(
            "A cancelled call ends in the middle, or never begins",
            _CANCEL + "test_a_cancelled_queued_call_never_runs",
        ),
    ),
    plain=(
        "The caller has its 202 and is gone",
        "If the function fails now, nobody is there",
        "| **retry** |",
        "The waits grow because most failures pass",
        "What fails for longer should not be asked",
        "**400** says that the *request* is wrong",
        "Until now the *function* failed",
        "The call takes 1.5 s",
        "Notebook 8 is about what that costs",
        "Ten calls arrive at once at `narrow`",
        "The queue has ten slots",
        "Between the columns `narrow` has nothing to do",
        "The usual cure is **jitter**",
        "It is better not to ask",
        "Sometimes you know that a call",
        "One slot, two calls",
        "Bad luck is a matter for retries",
        "The body stays broken in every attempt",
        "In an hour the body is the same",
        "Retries that come back together are a storm",
        "Next: [8",
    ),
)
