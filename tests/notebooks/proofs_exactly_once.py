"""Why each statement of the eighth notebook is true."""

from __future__ import annotations

import re

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_PROMISE = "tests/service/test_promise.py"
_RETRIES = "tests/service/test_async_retries.py"
_COURSE = "tests/course/test_exercises.py::test_every_exercise_in_three_ways"
_SAME_REQUEST = (
    "tests/service/test_call_identity.py"
    "::test_a_request_that_is_sent_again_after_a_broken_connection_is_one_call"
)
_ATTEMPTS = "attempts of each call: "
_FOUR = "orders: 3, expected: 60 €, in the ledger: 80 € in 4 charges"
_THREE = "orders: 3, expected: 60 €, in the ledger: 60 € in 3 charges"
_ALL_DONE = "^3 calls are done$"
_SQLITE = "SQLite's documentation, "


def _lease_was_five_seconds(outputs: Outputs) -> bool:
    return 4.5 < outputs.number("kill-states", r"second attempt: ([\d.]+) s") < 10


def _a_client_s_id_is_one_call(outputs: Outputs) -> bool:
    answers = re.findall(r"202 X-Duplicate: (\w+)", outputs["ask-again"])
    return (
        answers == ["None", "None", "None", "true"] and "order-17 charged 1 x" in outputs["ask-again-audit"]
    )


def _an_id_of_each_request(outputs: Outputs) -> bool:
    return len(re.findall(r"^[0-9a-f-]{36} charged 1 x$", outputs["ask-again-audit"], re.MULTILINE)) == 2


def _one_receipt_came_twice(outputs: Outputs) -> bool:
    rows = re.findall(r"^([0-9a-f-]{36}) thank you$", outputs["callbacks"], re.MULTILINE)
    return len(rows) == 3 and len(set(rows)) == 2


PROOFS = Proofs(
    (
        Shown("Three orders, three charges", "quiet", _THREE),
        HeldByTest(
            "each call runs exactly once", f"{_PROMISE}::test_without_a_fault_every_call_runs_exactly_once"
        ),
        Shown("writes one line, with the id of the call", "quiet", _THREE),
        HeldByTest(
            "only then is it removed from the queue",
            f"{_PROMISE}::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        Computed("its *lease*, here five seconds", ("kill-states",), _lease_was_five_seconds),
        Shown("Nobody was left to acknowledge the call", "kill-states", _ATTEMPTS + r"\[1, 1, 2\]"),
        Shown("it ran the function", "kill-states", _ATTEMPTS + r"\[1, 1, 2\]"),
        Shown("The line was written a second time", "kill", _FOUR),
        Shown("three calls, all of them `done`", "kill-states", _ALL_DONE),
        Computed(
            "only your books count money",
            ("kill", "kill-states"),
            lambda outputs: (
                _FOUR in outputs["kill"]
                and re.search(_ALL_DONE, outputs["kill-states"], re.MULTILINE) is not None
            ),
        ),
        Sourced("the function has not run, or it has run", "both end without an acknowledgement"),
        Sourced("From outside these two look the same", "both end without an acknowledgement"),
        Sourced("| forget the call | *at most once*", "the definition of at most once"),
        Shown("| deliver it again | *at least once*", "kill", _FOUR),
        Sourced(
            "There is no third choice in the queue", "the two are all answers to a missing acknowledgement"
        ),
        Shown("three attempts here, each of them a charge", "jam-run", "dead after 3 attempts"),
        Shown("the queue gives it up", "jam-run", "dead after 3 attempts"),
        Shown("Given up, and paid for three times", "jam-run", "orders: 1, .*60 € in 3 charges"),
        Sourced("no two lines have the same", _SQLITE + "CREATE TABLE"),
        Sourced("`INSERT OR IGNORE` adds a line, or does nothing", _SQLITE + "ON CONFLICT clause"),
        Sourced("the function could die between the two writes", "two writes are two system calls"),
        HeldByTest(
            "the queue keeps it, and every attempt carries it",
            f"{_RETRIES}::test_a_function_that_fails_twice_succeeds_at_the_third_attempt",
        ),
        HeldByTest("The function still ran twice", _COURSE),
        HeldByTest("What it did, it did once", _COURSE),
        Sourced("finds the key and does not ask the bank", "the order of the two steps"),
        Sourced("its second run finds no key", "the order of the two steps"),
        Sourced("Two stores cannot be written in one step", "the definition of a transaction"),
        Sourced("Payment services take such a key", "The Idempotency-Key HTTP header field, IETF draft"),
        HeldByTest(
            "You saw one delivered twice",
            f"{_PROMISE}::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        Computed(
            "Without an id the gateway makes one for each request",
            ("ask-again-audit",),
            _an_id_of_each_request,
        ),
        Computed("No function can heal that", ("ask-again-audit",), _an_id_of_each_request),
        Computed("the queue stored *one* call", ("ask-again", "ask-again-audit"), _a_client_s_id_is_one_call),
        Computed("The second 202 says so", ("ask-again", "ask-again-audit"), _a_client_s_id_is_one_call),
        HeldByTest("The queue remembers ids for two minutes", _SAME_REQUEST),
        Computed("Two orders, three receipts", ("callbacks",), _one_receipt_came_twice),
        Computed("and posted again", ("callbacks",), _one_receipt_came_twice),
        Computed("A callback too comes at least once", ("callbacks",), _one_receipt_came_twice),
        HeldByTest("Two runs, one charge", _COURSE),
        HeldByTest(
            "| A worker that dies |",
            f"{_PROMISE}::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        HeldByTest(
            "| A function that runs longer than the lease |",
            f"{_PROMISE}::test_a_call_longer_than_ack_wait_runs_once",
        ),
        Sourced(
            "| A worker that dies |",
            "nats-queue-worker 0.14.2, main.go: a message without ack is delivered again",
        ),
        Sourced(
            "| A function that answers 500 |",
            "nats-queue-worker 0.14.2, main.go: acknowledged whatever the status; OpenFaaS docs: retries",
        ),
        Sourced("| A callback that is answered with 503 |", "nats-queue-worker 0.14.2, main.go: postResult"),
        HeldByTest("| The same request with the same `X-Call-Id` |", _SAME_REQUEST),
        Sourced(
            "| The same request with the same `X-Call-Id` |",
            "nats-queue-worker 0.14.2, handler/nats_queue.go: published without an id of the message",
        ),
        Shown(
            "a worker dies, a function fails late, a client asks again",
            "check-record",
            "yes with a killed worker",
        ),
        Shown("`done` does not mean *once*", "check-record", "yes and all of them are done all the same"),
        HeldByTest("Exactly once is made by the function", _COURSE),
    ),
    plain=(
        "Look for rows with *two* bars",
        "A shop takes 20 €",
        "two of its commands matter",
        "That is why a test on a quiet afternoon",
        "For the queue all is well",
        "It sees no more than the acknowledgement",
        "A queue has two choices",
        "This is not: a function",
        "The printer is out of paper",
        "A function is **idempotent**",
        "give each order an **idempotency key**",
        "A database can do that by itself",
        "Key and charge are *one* line",
        "That is at most once",
        "Whoever waits for an acknowledgement",
        "A customer presses *Pay*",
        "The customer does not know",
        "A good client does the same",
        "This cell sends one order twice",
        "The same story, one hop further",
        "Here the shop's receiver",
        "Otherwise there would be nothing",
        "Where it says *no word*",
        "The key in the ledger is your own code",
        "The queue sees acknowledgements",
        "Next: [9",
    ),
)
