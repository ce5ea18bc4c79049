"""Why each statement of the second notebook is true."""

from __future__ import annotations

import re

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_DRAINED = r"the last call was done after ([\d.]+) s"
_FREE = r"the caller was free after ([\d.]+) s"
_ONE = "max_inflight 1:  .*"
_FOUR = "max_inflight 4:  .*"
_TEN = "max_inflight 10: .*"
_PROMISE = "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed"
_LEASE_IS_RENEWED = "tests/service/test_promise.py::test_a_call_longer_than_ack_wait_runs_once"
_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go and readconfig.go"
_CE_LONG_CALLS = "openfaas/faas, issues 408 and 1108"
_PRO_JETSTREAM = "OpenFaaS documentation, OpenFaaS Pro: JetStream"
_FLOW = "tests/browser/test_live_flow.py::test_dots_move_and_the_gauge_counts_while_a_cell_blocks"
_LIVE_LOGS = "tests/browser/test_live_logs.py::test_logs_of_one_service_have_only_its_lines"
_LIVE_LINES = (
    "tests/browser/test_live_logs.py::test_lines_of_services_and_functions_appear_while_a_cell_blocks"
)
_GAUGE = "tests/browser/test_live_flow.py::test_dots_move_and_the_gauge_counts_while_a_cell_blocks"
_SLIDER = (
    "tests/browser/test_learner_at_work.py::test_the_panel_of_the_second_notebook_works_while_its_cells_block"
)


def _begins(outputs: Outputs) -> dict[int, list[float]]:
    """Return when each attempt of the calls around the kill began."""
    rows = re.findall(r"^call (\d): .* begun at (.*)$", outputs["kill-attempts"], re.MULTILINE)
    return {int(number): [float(begin) for begin in re.findall(r"[\d.]+", text)] for number, text in rows}


def _interrupted(outputs: Outputs) -> int:
    (number,) = (number for number, begins in _begins(outputs).items() if len(begins) == 2)
    return number


def _was_overtaken(outputs: Outputs) -> bool:
    begins, interrupted = _begins(outputs), _interrupted(outputs)
    return begins[interrupted + 1][0] < begins[interrupted][1]


def _lease_was_five_seconds(outputs: Outputs) -> bool:
    first, second = _begins(outputs)[_interrupted(outputs)]
    return 4.5 < second - first < 10


def _one_by_one(outputs: Outputs) -> bool:
    log = outputs["kubectl"]
    return log.index("[#1] Invoked:") < log.index("[#2] Received") < log.index("[#2] Invoked:")


def _three_rounds(outputs: Outputs) -> bool:
    return 3 <= outputs.number("compare", _FOUR + _DRAINED) < 5


def _each_leaves_four_lines(outputs: Outputs) -> bool:
    return [outputs["kubectl"].count(f"[#{number}]") for number in (1, 2, 3)] == [4, 4, 4]


def _was_free_at_once(outputs: Outputs) -> bool:
    return all(outputs.number("compare", row + _FREE) < 0.5 for row in (_ONE, _TEN))


PROOFS = Proofs(
    (
        Shown("one second per call, nothing else", "kubectl", r"Invoked: long-task \[200\] in 1\."),
        HeldByTest("Here it is live", _LIVE_LOGS),
        HeldByTest("lines appear in it as the worker writes them, also while a cell", _LIVE_LINES),
        HeldByTest("A real NATS server stores them, in files", _PROMISE),
        Shown("The default queue is called `faas-request`", "kubectl", r"Received on \[faas-request\]"),
        HeldByTest("Only then does the queue remove it", _PROMISE),
        HeldByTest("Calls appear in it as soon as you make some", _FLOW),
        Shown(
            "invokes the function through the *synchronous* route",
            "kubectl",
            r"Invoking: long-task with 0 bytes, via: http://[^ ]+/function/long-task/$",
        ),
        Computed("count the calls that it has taken", ("kubectl",), _each_leaves_four_lines),
        Computed("Each leaves four lines", ("kubectl",), _each_leaves_four_lines),
        Shown(
            "`Invoking: long-task with 0 bytes, via:",
            "kubectl",
            r"Invoking: long-task with 0 bytes, via: http://[^ ]+/function/long-task/$",
        ),
        Shown("`Invoked: long-task [200] in 1.0…s`", "kubectl", r"Invoked: long-task \[200\] in 1\.\d+s$"),
        Shown("`long-task returned 0 bytes`", "kubectl", "long-task returned 0 bytes$"),
        HeldByTest(
            "Here it works, too", "tests/service/test_faas_cli.py::test_kubectl_prints_the_queue_worker_log"
        ),
        Computed("`[#2] Received` never comes before `[#1] Invoked`", ("kubectl",), _one_by_one),
        Shown("its first lines show `maxInFlight=[1]`", "kubectl", r"maxInFlight=\[1\]$"),
        Computed("it has moved from you to the worker", ("kubectl",), _one_by_one),
        Shown("so far it is 1", "kubectl", r"maxInFlight=\[1\]$"),
        HeldByTest("The gauge shows the queue as it is now", _GAUGE),
        HeldByTest("how many calls wait in it (its *depth*), how many are in flight", _GAUGE),
        Computed(
            "It jumps up as the calls come in, and then goes down by one each second",
            ("queue-one",),
            lambda outputs: (
                outputs.number("queue-one", r"at most (\d+) in the queue") >= 9
                and 8.5 < outputs.number("queue-one", r"empty after ([\d.]+) s") < 14
            ),
        ),
        Shown("never rises above 1", "queue-one", "at most 1 in flight"),
        Computed(
            "so the last call was done after about one second instead of ten",
            ("compare",),
            lambda outputs: (
                1 <= outputs.number("compare", _TEN + _DRAINED) < 3
                and 10 <= outputs.number("compare", _ONE + _DRAINED) < 15
            ),
        ),
        Computed("With 4, there were three rounds", ("compare",), _three_rounds),
        Computed("a round that is not full takes as long as a full one", ("compare",), _three_rounds),
        Computed("it was free at once before, and is now", ("compare",), _was_free_at_once),
        Computed(
            "the worker sets the pace at which it empties",
            ("compare",),
            lambda outputs: (
                outputs.number("compare", _TEN + _DRAINED) < outputs.number("compare", _ONE + _DRAINED) / 2
            ),
        ),
        Computed(
            "With ten in flight it is soon over",
            ("compare",),
            lambda outputs: outputs.number("compare", _TEN + _DRAINED) < 3,
        ),
        HeldByTest(
            "the upper one is with `max_inflight` 1, the lower one with 10",
            "tests/unit/test_plots.py::test_runs_of_one_mode_keep_their_order",
        ),
        HeldByTest("the control panel has a slider for `max_inflight`", _SLIDER),
        HeldByTest("Its commands go straight to the lab, so they work while a cell runs, too", _SLIDER),
        Shown("`lab.fault` does that", "kill", "fault injected: queue-worker kill"),
        Shown("in the middle of a call", "kill-attempts", "attempts: 2"),
        HeldByTest("The worker does so only after the function has ended", _PROMISE),
        Shown("one of the calls has two", "kill-attempts", "attempts: 2"),
        Shown("The killed worker never acknowledged", "kill-attempts", "attempts: 2"),
        Computed(
            "the call belongs to one worker for a time, here for five seconds",
            ("kill-attempts",),
            _lease_was_five_seconds,
        ),
        HeldByTest("A living worker renews it while the function runs", _LEASE_IS_RENEWED),
        Computed(
            "that is the hatched strip *lease* in the row of the call with two attempts",
            ("kill-attempts",),
            _lease_was_five_seconds,
        ),
        Computed(
            "When the lease ends, the queue delivers the call again",
            ("kill-attempts",),
            _lease_was_five_seconds,
        ),
        Computed("took the calls behind it", ("kill-attempts",), _was_overtaken),
        Computed("**Order was not kept.**", ("kill-attempts",), _was_overtaken),
        Shown(
            "Nothing was lost, and something ran twice",
            "kill",
            r"(?s)calls that succeeded \| 4 of 4 .*took more than one attempt \| 1 ",
        ),
        HeldByTest(
            "which is the same in both attempts",
            "tests/service/test_async_retries.py::test_a_function_that_fails_twice_succeeds_at_the_third_attempt",
        ),
        Shown(
            "and under *restarts* that the queue-worker was started again",
            "status",
            r"queue-worker +ready +\d+ \w+ +\d+ MB +1 ",
        ),
        HeldByTest("so it survives the death of its server as well", _PROMISE),
        HeldByTest("At least once, whichever process dies", _PROMISE),
        Shown(
            "After a crash perhaps twice",
            "kill-attempts",
            "attempts: 2",
        ),
        Computed(
            "Not after a crash, and not with more than one in flight", ("kill-attempts",), _was_overtaken
        ),
        Sourced(
            "NATS acknowledges before the disk has confirmed", "NATS documentation, JetStream: sync_interval"
        ),
        Sourced("Calls in flight for each worker | 1, and it is fixed", _CE_WORKER),
        HeldByTest(
            "Calls in flight for each worker | 1, and it is fixed | `max_inflight` | `max_inflight`",
            "tests/service/test_queue_worker.py::test_max_inflight_can_be_changed_at_run_time",
        ),
        Sourced("| The queue is stored | in memory | by JetStream", _PRO_JETSTREAM),
        HeldByTest("by JetStream, in files", _PROMISE),
        Sourced("| The lease | 30 s by default | 60 s by default", f"{_CE_WORKER}; {_PRO_JETSTREAM}"),
        HeldByTest("5 s, renewed while the function runs", _LEASE_IS_RENEWED),
        Sourced("is delivered again: it runs twice | runs once", f"{_CE_LONG_CALLS}; {_PRO_JETSTREAM}"),
        HeldByTest("| runs once | runs once |", _LEASE_IS_RENEWED),
        HeldByTest("If the worker acknowledged first and then died", _PROMISE),
        HeldByTest("Taking a call does not remove it", _PROMISE),
        HeldByTest("so it delivers the call again, and the function cannot know", _PROMISE),
        HeldByTest("The queue knows only what is acknowledged", _PROMISE),
        HeldByTest("That is why a killed worker loses nothing", _PROMISE),
        HeldByTest("it is delivered again when the lease has ended", _PROMISE),
        Sourced("That would be right for `max_inflight` 1", "100 / 1 x 2 s"),
        Sourced("With 5, five calls are in flight at any time", "the definition of max_inflight"),
        Sourced("100 calls, 5 at a time, are 20 rounds of 2 s", "100 / 5 x 2 s = 40 s"),
        Sourced("It would take 100 in flight for all to be done in one round", "100 / 100 x 2 s = 2 s"),
        Computed(
            "A queue does not make work faster",
            ("compare",),
            lambda outputs: outputs.number("compare", _ONE + _DRAINED) >= 10,
        ),
        Computed("runs it through the synchronous route", ("kubectl",), _one_by_one),
        Shown("A killed worker loses nothing", "check-record", "yes no accepted call was lost"),
        Computed(
            "Its calls are delivered again when the lease has ended",
            ("kill-attempts",),
            _lease_was_five_seconds,
        ),
        Shown(
            "At least once, not exactly once, and in no certain order",
            "check-record",
            "yes a call was inter",
        ),
    ),
    plain=(
        "is a line of waiting things",
        "```mermaid",
        "The program that takes calls from the queue and runs them",
        "Work on a queue until it is empty",
        "Give the worker three calls",
        "a file to which it adds a line",
        "Look at the log while you wait",
        "a synchronous one, made later by somebody else",
        "Part 4 shows what that is good for",
        "Ten calls with `max_inflight` 1",
        "You are about to send four calls",
        "You need not read its code",
        "Look at the gauge while you wait",
        "send ten asynchronous calls, and drag the slider",
        "Part 4 begins at 1 again",
        "The function `charge` only sleeps for a second",
        "the grey area is the **queue depth**",
        "The number of clients is not in that formula",
        "That is what queues are used for",
        "Because all of them then run *at once*",
        "`sleep` needs nothing",
        "beyond the machine's capacity",
        "A promise has to hold when things fail",
        "From the outside this cannot be known",
        "That is why the promise is called **at least once**",
        "This requires of your functions",
        "Notebooks 3 and 7 show it",
        "That is notebook 3",
        "Unless it looks up the `X-Call-Id`",
        "Whether the function had run, and how far",
        "The work begins when the worker gets to it",
        "Next: [3",
    ),
)
