"""Why each statement of the first notebook is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_MEDIAN = r"worked on one call for \(median\) \| ([\d.]+) s"
_DRAINED = r"the last call was over after \| ([\d.]+) s"
_FREE = r"the caller was free after \| ([\d.]+) s"
_SYNC = "measure-sync"
_ASYNC = "measure-async"
_LEAKS = "tests/service/test_kernel.py::test_a_shutdown_leaves_no_process"
_TEMPLATE = "tests/service/test_faas_cli_table.py::test_row"
_LAB_PAGE = "tests/browser/test_calls_view.py::test_calls_of_every_fate_in_a_real_lab"
_DOTS = "tests/browser/test_flow.py::test_a_dot_is_where_the_events_of_its_call_put_it"
_WORKER_LOG = "tests/service/test_queue_worker.py::test_the_log_has_the_lines_of_openfaas"
_EMPTY_202 = (
    "tests/service/test_gateway_invoke.py"
    "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body"
)
# In a container it is still starting, where nobody reads the text before the cell.
_NAP_SYNC = (
    r"1 synchronous call of nap: the caller waited (1\.\d+ s|\d\.\d+ s; the function had no ready replica)"
)
_NAP_ASYNC = (
    r"1 asynchronous call of nap: the caller was free after 0\.\d+ s, the last call was done after 1\."
)
_GITHUB = "GitHub documentation, Webhooks: best practices; handling failed deliveries"
_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go"
_MOVES = (
    "tests/browser/test_learner_in_jupyterlab.py"
    "::test_the_views_of_the_first_notebook_move_while_its_cells_block"
)


def _both_took_ten_times_one_second(outputs: Outputs) -> bool:
    medians = [outputs.number(cell, _MEDIAN) for cell in (_SYNC, _ASYNC)]
    drained = [outputs.number(cell, _DRAINED) for cell in (_SYNC, _ASYNC)]
    return all(1 <= value < 1.5 for value in medians) and all(10 <= value < 15 for value in drained)


PROOFS = Proofs(
    (
        HeldByTest("Each part is a process of its own, and none is left when you are done", _LEAKS),
        HeldByTest("takes calls from the queue and runs them", _WORKER_LOG),
        HeldByTest("the **gateway** receives every call", _WORKER_LOG),
        HeldByTest(
            "the **queue** stores the calls that can wait, in a real **NATS** server",
            "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        HeldByTest("Every call will be a dot", _DOTS),
        HeldByTest(
            "it starts what is missing and clears everything else",
            "tests/service/test_kernel.py::test_running_the_first_cell_again_keeps_the_lab",
        ),
        Shown("In this lab an image never leaves your disk", "up", "Nothing was sent"),
        HeldByTest("names the program that is started for every request", _TEMPLATE),
        Shown(
            "The `RUN` steps prepare a container",
            "up",
            r"2 RUN steps not executed: without a container|Step \d+/\d+ : RUN",
        ),
        HeldByTest(
            "The two strips at the bottom count calls",
            "tests/unit/test_calls.py::test_depth_and_in_flight_rise_and_fall_to_zero",
        ),
        Sourced("It says: accepted, but not done yet", "RFC 9110, 15.3.3"),
        HeldByTest(
            "Four signs of its legend matter today",
            "tests/browser/test_timeline.py::test_every_kind_of_span_looks_different_without_colour",
        ),
        Shown("You now have `stack.yaml`", "new", r"Stack file written: stack\.yaml"),
        Computed(
            "reads nothing, prints nothing and takes one second, always",
            (_SYNC, _ASYNC),
            lambda outputs: all(1 <= outputs.number(cell, _MEDIAN) < 1.5 for cell in (_SYNC, _ASYNC)),
        ),
        Shown("`Deployed. 202 Accepted` is about the deployment", "up", r"^Deployed\. 202 Accepted\.$"),
        Shown(
            "builds an image of it, pushes the image, and deploys it",
            "up",
            r"(?s)Building .*Pushing .*Deploying: ",
        ),
        Shown(
            "stays open until the function has ended | is answered at once",
            "nap-runs",
            f"{_NAP_SYNC}.*{_NAP_ASYNC}",
        ),
        Shown(
            "The blue bar is the function at work: one second, both times",
            "nap-runs",
            f"{_NAP_SYNC}.*{_NAP_ASYNC}",
        ),
        Shown("In the upper picture the caller waits, hatched", "nap-runs", _NAP_SYNC),
        Shown("the gateway has answered before the function did anything", "nap-runs", _NAP_ASYNC),
        Shown("the function ran after the 202", "nap-runs", _NAP_ASYNC),
        HeldByTest(
            "It has taken the call from the queue, and waits for the function in your place", _WORKER_LOG
        ),
        HeldByTest("That connection has brought the 202, and nothing more comes on it", _EMPTY_202),
        Shown(
            "`faas-cli build`, `push` and `deploy` are the same three steps",
            "up",
            r"(?s)Building .*Pushing .*Deploying: ",
        ),
        HeldByTest(
            "`202 Accepted`, with an empty body",
            _EMPTY_202,
        ),
        HeldByTest(
            "the gateway, while you wait | the queue-worker, later",
            _WORKER_LOG,
        ),
        HeldByTest(
            "The block is the one from the OpenFaaS workshop, and it has eleven lines",
            "tests/notebooks/test_lab_text.py::test_a_code_cell_runs_the_shell_block",
        ),
        HeldByTest("puts messages on standard error among the others", _TEMPLATE),
        HeldByTest("no dot goes there, and there is never more than one at the function", _MOVES),
        HeldByTest("the dots gather at the queue, and the worker takes one after the other", _MOVES),
        HeldByTest("it shows the same dots", _LAB_PAGE),
        HeldByTest("The timeline below has a row for each call", _MOVES),
        HeldByTest("a row appears when its call is sent", _MOVES),
        Computed(
            "kept you for ten times a second",
            ("sync-shell",),
            lambda outputs: 10 <= outputs.seconds("sync-shell", "you waited ") < 15,
        ),
        Computed(
            "The second one kept you for a small part of that",
            ("sync-shell", "async-shell"),
            lambda outputs: (
                outputs.seconds("async-shell", "you waited ")
                < outputs.seconds("sync-shell", "you waited ") / 3
            ),
        ),
        Shown("The synchronous calls are `done`", "observe", "'sync, done': 10"),
        Computed(
            "Most of the asynchronous ones are still `queued`, and one is with the worker",
            ("observe",),
            lambda outputs: (
                outputs.number("observe", r"'async, queued': (\d+)") >= 6
                and outputs.number("observe", r"'async, (?:running|delivered)': (\d+)") == 1
            ),
        ),
        HeldByTest("watch one call after the other become `done`", _MOVES),
        HeldByTest(
            "the cell only goes on until the queue is empty",
            "tests/service/test_lab_calls.py"
            "::test_an_asynchronous_run_accepts_calls_fast_and_waits_for_their_ends",
        ),
        Computed(
            "ten bars of one second, one after the other, in *both*",
            (_SYNC, _ASYNC),
            _both_took_ten_times_one_second,
        ),
        Computed(
            "did not make the function faster, and did not make the work less",
            (_SYNC, _ASYNC),
            _both_took_ten_times_one_second,
        ),
        Shown("the caller waits through every second of work", _SYNC, r"the caller waited \| 1\d\.\d s"),
        Computed(
            "ten times 202, and the caller is free",
            (_ASYNC,),
            lambda outputs: outputs.number(_ASYNC, _FREE) < 1 and "10 of 10" in outputs[_ASYNC],
        ),
        Shown(
            "What waits now is the *call*, in the queue",
            _ASYNC,
            r"lay in the queue for \(median\) \| [3-6]\.",
        ),
        Computed(
            "a few milliseconds |",
            (_SYNC, _ASYNC),
            lambda outputs: (
                outputs.number(_SYNC, r"the caller waited \| ([\d.]+) s") >= 10
                and outputs.number(_ASYNC, _FREE) < 0.5
            ),
        ),
        Computed(
            ", if the worker takes one call at a time |",
            (_SYNC, _ASYNC),
            _both_took_ten_times_one_second,
        ),
        Shown("so it can say **404**", "small-print", "unexpected status code: 404"),
        Shown("The asynchronous route only stores the call", "receipt", "the gateway answered 202"),
        Shown(
            "You get your **202** (faas-cli calls it *submitted*)", "small-print", "^Function submitted async"
        ),
        Shown("Asked with GET, it answers **405**", "small-print", "unexpected status code: 405"),
        Shown("The worker tried three times", "nobody", "in the end: dead with 404 after 3 attempts"),
        HeldByTest(
            "the function might have appeared in the meantime",
            "tests/service/test_async_retries.py::test_a_function_deployed_after_its_call_runs_it",
        ),
        Shown("the id that you see above", "receipt", r"with the id [0-9a-f-]{36}$"),
        Shown("you hold a 202 for the call of it", "receipt", "the gateway answered 202"),
        Sourced("closes the connection if you have not answered within ten seconds", _GITHUB),
        Shown(
            "An asynchronous call takes the work and answers at once", "receipt", "the gateway answered 202"
        ),
        Sourced("the worker always takes one call at a time", _CE_WORKER),
        HeldByTest(
            "Here it does until you change its `max_inflight`",
            "tests/service/test_queue_worker.py::test_max_inflight_can_be_changed_at_run_time",
        ),
        Sourced("The worker of CE tries once, and keeps nothing", _CE_WORKER),
        Computed(
            "Most of what it did take went into starting `faas-cli` eleven times",
            ("async-shell", _ASYNC),
            lambda outputs: outputs.seconds("async-shell", "you waited ") > 2 * outputs.number(_ASYNC, _FREE),
        ),
        HeldByTest(
            "that stands in the worker's log",
            _WORKER_LOG,
        ),
        HeldByTest(
            "**your call is stored and a worker will try to run it**",
            "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        Shown("Whether the function succeeded is known later", "nobody", "in the end: dead with 404"),
        HeldByTest(
            "The body of a 202 is empty",
            _EMPTY_202,
        ),
        Shown("It was sent before the function had run", "check-record", "yes all ten were accepted before"),
        Shown(
            "You saw ten calls accepted before the first of them had ended",
            "check-record",
            "yes all ten were accepted before the first of them had ended",
        ),
        Shown("stores the call and answers 202", "receipt", "the gateway answered 202"),
        Shown("Asynchronous does not mean faster", "check-record", "yes and the work took ten seconds"),
        Shown("The same work is done, later", "check-record", "yes and the work took ten seconds"),
        HeldByTest(
            "202 means *stored*",
            "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        Shown(
            "It does not say that the function exists, has begun, or will succeed",
            "check-record",
            "yes an unknown function gets 202 first, and 404 later",
        ),
        HeldByTest(
            "The output is not in the answer",
            _EMPTY_202,
        ),
        HeldByTest(
            "It is sent as soon as the call is stored",
            "tests/service/test_promise.py::test_no_accepted_call_is_lost_when_a_service_is_killed",
        ),
        Shown("The 202 does not wait for the function", "check-record", "yes all ten were accepted before"),
        Sourced("2xx means that this request was handled", "RFC 9110, 15.3"),
    ),
    plain=(
        "the **function** does the work",
        "`202` is a status of HTTP",
        "In the tables the *median*",
        "Count the newest 21 calls",
        "A **function** is a program",
        "This one is called `nap`",
        "Call it twice, once in each",
        "Afterwards the calls are drawn",
        "So a function has two addresses",
        "Nobody waits at its end",
        "The 202 of this notebook is",
        "When the work can be done later",
        "Notebook 5 does that",
        "A terminal does the same",
        "Here is the map once more",
        "Notebook 7 is about",
        "The worker finds out while you read on",
        "One line of the Dockerfile matters today:",
        "Change it to `sleep 1`",
        "That makes it a good yardstick",
        "Which one you use decides who waits",
        "Where the output of an asynchronous call goes",
        "Ten synchronous calls",
        "Compare the two times",
        "Each row is one call",
        "Where your number was off",
        "Most people who miss the second one",
        "A caller with plain HTTP has no such handle",
        "It does not promise that",
        "Notebook 2 adds",
        "“Charged” is for the page",
        "Notebook 3 shows where it goes",
        "Next: [2",
        "The caller is gone before",
        "The 202 is a promise",
    ),
)
