"""Why each statement of the fourth notebook is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Proofs, Shown, Sourced

_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go"
_PRO_RETRIES = "OpenFaaS documentation, OpenFaaS Pro: Retries"
_SLACK = "Slack documentation, Sending messages using incoming webhooks"
_HANDLER = "tests/service/test_python_function.py::test_the_handler_gets_the_request_and_returns_the_response"
_MAILBOX = "tests/unit/test_mailbox.py::test_a_mail_is_kept_with_subject_and_text"
_CHAIN = "tests/service/test_queue_worker.py::test_another_function_can_be_the_callback_target"
_DEAD_CALLBACK = (
    "tests/service/test_async_callbacks.py"
    "::test_a_callback_that_fails_every_time_is_dead_lettered_and_can_be_redriven"
)
_REPEATED = r"(?s)runs of welcome:    1\n.*answers of notify:  \[500, 500, 200\]"

PROOFS = Proofs(
    (
        HeldByTest("a function `handle(event, context)`, as in OpenFaaS's template `python3-http`", _HANDLER),
        Shown(
            "An exception becomes a response with the status 500", "welcome-try", r"^500 ValueError: a welc"
        ),
        HeldByTest(
            "The traceback is in the function's log",
            "tests/service/test_python_function.py"
            "::test_an_exception_is_a_500_with_one_line_and_a_traceback_in_the_log",
        ),
        Shown("It takes the same request", "notify-try", r'^\{"text": "New member: just a test"\}$'),
        HeldByTest(
            "it comes from the environment",
            "tests/service/test_function_cells.py::test_the_flags_reach_the_function",
        ),
        Shown(
            "`http://gateway:8080/function/NAME`.",
            "chain-arrived",
            r'^\{"text": "New member: Welcome, Ada!"\}$',
        ),
        Shown("`welcome` knows nothing of `notify`", "chain-arrived", "Welcome, Ada!"),
        Shown("decided by whoever makes the call", "chain-arrived", "Welcome, Ada!"),
        Shown(
            "Two calls, **one call id**",
            "chain-record",
            r"^welcome +async +done +(\S+)\nnotify +sync +done +\1\n",
        ),
        Shown("It is passed on with the result", "chain-record", r"done +(\S+)\n(?s:.*)call \1 status 200"),
        Shown("The second call is *synchronous*", "chain-record", "^notify +sync +done "),
        HeldByTest(
            "which looks at the status only",
            "tests/service/test_async_callbacks.py::test_a_callback_is_done_when_its_target_responds",
        ),
        HeldByTest(
            "nobody reads what it returns",
            "tests/service/test_queue_worker.py::test_the_response_to_a_callback_is_logged",
        ),
        HeldByTest("The lab has a small one, a **mailbox**", _MAILBOX),
        HeldByTest("It runs in this notebook, keeps what it gets, and sends nothing on", _MAILBOX),
        Shown(
            "Only the address of the callback is another one",
            "mail",
            r"(?s)Subject: welcome: 200.*Welcome, Ada!",
        ),
        Shown("which it answers with 500", "first-fails", "runs of welcome: 3   state: dead$"),
        Computed(
            "the worker ran `welcome` three times before it gave up, with a *back-off* of 1 s and then 2 s",
            ("first-fails",),
            lambda outputs: (
                3 <= outputs.number("first-fails", r"^after ([\d.]+) s") < 6
                and "runs of welcome: 3 " in outputs["first-fails"]
            ),
        ),
        HeldByTest(
            "Only the last failure is posted",
            "tests/service/test_async_retries.py"
            "::test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted",
        ),
        Shown("does not stop a chain", "first-fails", "New member: ValueError: a welcome needs a name"),
        HeldByTest(
            "It is one header, `X-Function-Status`",
            "tests/service/test_queue_worker.py::test_a_callback_reports_the_status_of_the_function",
        ),
        Shown("the message is in Slack", "last-fails-run", "messages in Slack:  3 different ones: 1$"),
        Shown("so `notify` ends with an error", "last-fails-run", r"answers of notify:  \[500, 500, "),
        HeldByTest(
            "with the status 0 it keeps the request, and closes the connection",
            "tests/service/test_inspector_responses.py::test_a_rule_may_cut_the_connection",
        ),
        Shown("until it was taken", "last-fails-run", r"answers of notify:  \[500, 500, 200\]$"),
        Shown("`welcome` did not run again: each link is repeated by itself", "last-fails-run", _REPEATED),
        Shown(
            "has read the same message three times",
            "last-fails-run",
            "messages in Slack:  3 different ones: 1$",
        ),
        Shown("*At least once* holds for each link", "last-fails-run", "messages in Slack:  3 "),
        HeldByTest(
            "that was the same in all three",
            "tests/service/test_queue_worker.py"
            "::test_a_callback_carries_the_result_and_the_headers_of_openfaas",
        ),
        Shown("The gateway does not know the second one", "ex-nobody-after", "function/notfy answered 404$"),
        Shown(
            "The worker tries again, for", "ex-nobody-after", "^next try after 1 s; the call: calling back$"
        ),
        HeldByTest("the *callback* is kept as a dead letter", _DEAD_CALLBACK),
        Shown("a function has two addresses", "routes", "^function .*200(?s:.*)^async-function .*202"),
        Computed(
            "| The worker waits for that link | yes | no, it gets its 202 at once |",
            ("routes",),
            lambda outputs: (
                outputs.number("routes", r"^function +the worker waited ([\d.]+) s .* 200$") >= 1
                and outputs.number("routes", r"^async-function +the worker waited ([\d.]+) s .* 202$") < 0.5
            ),
        ),
        Shown(
            "If that link fails | the callback is posted again", "routes", "is async, with the same id: True"
        ),
        HeldByTest("If that link fails | the callback is posted again", _DEAD_CALLBACK),
        HeldByTest(
            "it is a call of its own: run again, and a dead letter if it fails each time",
            "tests/service/test_call_identity.py::test_dead_letters_of_a_shared_call_id_are_redriven_by_function",
        ),
        Shown(
            "it has its own place in the queue",
            "routes",
            "^slow-notify is async, with the same id: True",
        ),
        Sourced("| The first link fails | the next one gets the failure at once", _CE_WORKER),
        Sourced("it is run again first | it is run again first", _PRO_RETRIES),
        Sourced("a line in the worker's log, and that is all | not documented", _CE_WORKER),
        HeldByTest("posted again, then kept as a dead letter |", _DEAD_CALLBACK),
        Sourced("So in CE a link that must not be lost", _CE_WORKER),
        HeldByTest(
            "The chain goes on with the last failure, and only with that one",
            "tests/service/test_async_retries.py"
            "::test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted",
        ),
        HeldByTest(
            "It does not wait for any run of `welcome`",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest(
            "The 202 says that the call is stored",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest(
            "The callback is posted once no attempt is left",
            "tests/service/test_async_retries.py"
            "::test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted",
        ),
        Shown(
            "The worker posts the result of `charge` to `receipt` again",
            "check-record",
            "yes the last link was repeated, the first was not",
        ),
        Shown(
            "`charge` has done its part, and does not run again",
            "check-record",
            "yes the last link was repeated, the first was not",
        ),
        Shown(
            "You saw three answers of `notify`, and one run of `welcome`",
            "check-record",
            "yes the last link was repeated, the first was not",
        ),
        Shown(
            "A chain is no transaction", "check-record", "yes the last link was repeated, the first was not"
        ),
        Shown(
            "`charge` has ended before `receipt` was called",
            "check-record",
            "yes the last link was repeated, the first was not",
        ),
        HeldByTest(
            "They got a 202 before `charge` had begun",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        Shown(
            "The 500 is read by the worker",
            "check-record",
            "yes the last link was repeated, the first was not",
        ),
        Shown(
            "An exception is a 500 with one line", "welcome-try", r"^500 ValueError: a welcome needs a name$"
        ),
        Shown("hands a result to the next function", "chain-arrived", "Welcome, Ada!"),
        Shown("The first one needs no code for it", "chain-arrived", "Welcome, Ada!"),
        Shown("All links of a chain share one call id", "check-record", "yes a chain has one call id"),
        Shown(
            "treats an error text as a result",
            "first-fails",
            "New member: ValueError: a welcome needs a name",
        ),
        Shown(
            "so each link can happen more than once", "check-record", "yes and the message came three times"
        ),
        Shown("says nothing about the next link", "ex-nobody-after", "notfy answered 404$"),
        Sourced("*incoming webhooks*: you get a secret URL", _SLACK),
    ),
    plain=(
        "A function can be any program",
        "Notebook 3 sent the result",
        "Compare with part 2",
        "The password belongs in a *secret*",
        "**The first link fails.",
        "**The last link fails.",
        "Two things to see here",
        "Notebook 8 makes use of that",
        "Look at the two names",
        "That `welcome` has worked is one thing",
        "This one needs a second",
        "Next: [5",
    ),
)
