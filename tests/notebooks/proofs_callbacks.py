"""Why each statement of the third notebook is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Proofs, Shown, Sourced

_CE_WORKER = "openfaas/nats-queue-worker 0.14.2, main.go"
_PRO_RETRIES = "OpenFaaS documentation, OpenFaaS Pro: Retries"
_PRO_COMPARISON = "OpenFaaS documentation, OpenFaaS Pro: comparison with the Community Edition"
_GITHUB = "GitHub documentation, Webhooks: best practices; handling failed deliveries"
_FAAS_CLI = "openfaas/faas-cli 0.17.5, 0.17.6 and 0.18.12, commands/invoke.go"
_CALLBACK_HEADERS = (
    "tests/service/test_queue_worker.py::test_a_callback_carries_the_result_and_the_headers_of_openfaas"
)
_LIVE_BIN = "tests/browser/test_live_logs.py::test_requests_appear_in_a_bin_while_a_cell_blocks"
_PROXY_PAGE = (
    "tests/browser/test_jupyter_proxy_page.py"
    "::test_the_tile_opens_a_tab_that_waits_for_the_lab_and_then_shows_it"
)
_BIN_PAGE = (
    "tests/browser/test_inspector_page.py::test_a_click_on_a_bin_s_url_shows_the_bin_and_adds_nothing_to_it"
)
_PAGE_IS_LIVE = "tests/browser/test_inspector_page.py::test_a_captured_banner_appears_by_itself_and_unchanged"
_KEPT = (
    "tests/service/test_inspector_history.py"
    "::test_a_restart_keeps_bins_settings_and_requests_and_continues_the_numbering"
)
_ANY_REQUEST = "tests/service/test_inspector.py::test_every_method_is_captured"
_ARRIVED = "^/r/1i7i1we1$"

PROOFS = Proofs(
    (
        HeldByTest(
            "So the output of the function is not in the answer",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest(
            "puts it into a **queue** and answers `202 Accepted`",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest("No code at all", _CALLBACK_HEADERS),
        HeldByTest("which reaches the bin through JupyterLab", _PROXY_PAGE),
        Shown("Two addresses, one bin", "bin-show", "for X-Callback-Url: .* open in your browser: "),
        HeldByTest("the queue-worker sends to it", _CALLBACK_HEADERS),
        Shown("Without JupyterLab you see the first one only", "bin", r"^'http://[^']+/r/callbacks'$"),
        HeldByTest("the bin shows what arrives in it, *live*", _LIVE_BIN),
        HeldByTest("You make the first one and get a 202", _CALLBACK_HEADERS),
        HeldByTest("The worker makes the second one, later, to the URL", _CALLBACK_HEADERS),
        HeldByTest("an address that accepts every request and shows it to you", _ANY_REQUEST),
        HeldByTest("open the bin's page", _BIN_PAGE),
        HeldByTest("the newest request is at the top, and its body is a banner", _PAGE_IS_LIVE),
        HeldByTest("the next request appears without a refresh", _PAGE_IS_LIVE),
        HeldByTest("the inspector keeps the requests", _KEPT),
        HeldByTest("The same request is in the live bin above, too", _LIVE_BIN),
        HeldByTest("All bins are on the lab page", _PROXY_PAGE),
        Shown("so there is nothing to copy by hand", "callback-shell", "^Function submitted"),
        HeldByTest(
            "`wait` waits until a request with a result of `figlet` is in the bin",
            "tests/service/test_inspector.py::test_wait_returns_as_soon_as_enough_requests_match",
        ),
        HeldByTest(
            "the link that `labkit status` prints in a terminal",
            "tests/service/test_saved_notebook.py::test_the_link_of_labkit_status_opens_the_page_once",
        ),
        HeldByTest("but by the *queue-worker*", _CALLBACK_HEADERS),
        HeldByTest("so `127.0.0.1` will do", _CALLBACK_HEADERS),
        Shown("The id that came with the 202", "headers", r"X-Call-Id +[0-9a-f-]{36}$"),
        Shown("faas-cli always adds `.openfaas-fn`, the namespace", "headers", r"figlet\.openfaas-fn$"),
        Shown("The HTTP status of the function: 200 if it succeeded", "headers", "X-Function-Status +200$"),
        Computed(
            "The time in the queue is not in `X-Duration-Seconds`",
            ("duration-parts",),
            lambda outputs: (
                outputs.number("duration-parts", r"X-Duration-Seconds +([\d.]+) s") < 1.5
                and outputs.number("duration-parts", r"waited_in_queue +([\d.]+) s") > 1.5
            ),
        ),
        Computed(
            "accepts all three, so that old texts still work",
            ("forms-arrived",),
            lambda outputs: all(
                f"/r/1i7i1we1{path}\n" in outputs["forms-arrived"] for path in ("", "/equals", "/colon")
            ),
        ),
        Shown("and warns about two of them", "forms-space", "^Warning: "),
        Shown("and warns about two of them", "forms-others", "^Warning: "),
        Sourced('| `"X-Callback-Url: http://…"` | refused | **works** |', _FAAS_CLI),
        Sourced('| `"X-Callback-Url=http://…"` | works | fails', _FAAS_CLI),
        Sourced('| `"X-Callback-Url http://…"` | refused | fails', _FAAS_CLI),
        Sourced("The real one is stricter", _FAAS_CLI),
        Shown("the callback arrived, with the status 500", "fails", "X-Function-Status 500"),
        Shown("the worker ran the function three times", "fails", "runs: 3$"),
        HeldByTest(
            "The wait before the next attempt grows each time",
            "tests/unit/test_retry.py::test_waits_double_up_to_the_maximum",
        ),
        Shown("Now a function that fails every time", "fails", "X-Function-Status 500"),
        Shown("`broken` prints a file that does not exist", "fails-text", "No such file or directory"),
        Shown("The callback came once, after the last attempt", "fails", "callbacks: 1$"),
        Shown("`X-Retry` is the number of retries", "fails", "X-Retry 2 of 2$"),
        Shown(
            "The call itself is kept as a **dead letter**",
            "dead-letters",
            "broken .* status 500 after 3 attempts",
        ),
        HeldByTest(
            "puts it back onto the queue",
            "tests/service/test_lab_queue.py::test_dead_letters_are_redriven_one_or_all",
        ),
        Shown("the bin answers every request with 503", "receiver-fails", r"receiver: \[503, "),
        Shown("until the receiver took it", "receiver-fails", r"receiver: \[503,.* 200\]$"),
        Shown("The function did not run again", "receiver-fails", "runs of figlet: 1$"),
        Shown(
            "`http://gateway:8080/function/<name>`",
            "notify-call",
            "Callback to: http://gateway:8080/function/n",
        ),
        Shown(
            "It only returns its input (`cat`), but with `write_debug` it also writes it to its log",
            "notify-wait",
            r"\|_____\\__,_\|",
        ),
        Shown("The output of `figlet` was the input of `notify`", "notify-wait", r"\|_____\\__,_\|"),
        Shown("which writes only its status to the log", "notify-call", "function/notify, status: 200$"),
        Shown("`result()` fetches the output of a call that had no callback", "editions", "^200$"),
        Shown("`cancel()` takes the last one back", "editions", "^done done cancelled$"),
        Shown("keeps what both discard", "editions", "^200$"),
        Shown("is run again, then kept as a dead letter", "dead-letters", "status 500 after 3 attempts"),
        Sourced("the result is final | is run again, then discarded", f"{_CE_WORKER}; {_PRO_RETRIES}"),
        Shown("`X-Retry` and `X-Retry-Max` on a callback | no | yes | yes", "fails", "X-Retry 2 of 2"),
        Sourced(
            "`X-Retry` and `X-Retry-Max` on a callback | no | yes | yes", f"{_CE_WORKER}; {_PRO_RETRIES}"
        ),
        Sourced("a line in the log | not documented", _CE_WORKER),
        HeldByTest(
            "the callback is posted again, then kept as a dead letter",
            "tests/service/test_async_callbacks.py"
            "::test_a_callback_that_fails_every_time_is_dead_lettered_and_can_be_redriven",
        ),
        Sourced("The output without a callback | discarded | discarded", _CE_WORKER),
        Shown("kept for an hour: `result()`", "editions", "^200$"),
        Sourced("A call can be cancelled | no | yes", _PRO_COMPARISON),
        Shown("yes: `cancel()`", "editions", "^done done cancelled$"),
        Sourced("| Calls in flight | 1 | `max_inflight` for each worker", f"{_CE_WORKER}; {_PRO_COMPARISON}"),
        HeldByTest(
            "`max_inflight` for each worker |",
            "tests/service/test_queue_worker.py::test_max_inflight_can_be_changed_at_run_time",
        ),
        Sourced("GitHub, for example, waits ten seconds", _GITHUB),
        Sourced("The sender waits for ten seconds at most", _GITHUB),
        Sourced("With a synchronous call, it would report a failed delivery", _GITHUB),
        Sourced("GitHub does not send it again by itself", _GITHUB),
        Shown(
            "a sender that waits half a second", "webhook", "^function: +no answer in time: delivery failed$"
        ),
        Shown(
            "GitHub has its answer of success, a 202, in a few milliseconds",
            "webhook",
            "^async-function: 202$",
        ),
        Shown("The gateway accepts *everything*", "webhook", "^async-function: 202$"),
        HeldByTest(
            "the queue promises **at least once**: a call can be run twice",
            "tests/service/test_calls_api.py::test_a_call_whose_worker_was_killed_is_redelivered",
        ),
        Sourced("`X-GitHub-Delivery` number", _GITHUB),
        HeldByTest("The worker does not know where the call came from", _CALLBACK_HEADERS),
        HeldByTest(
            "most likely no program listens there",
            "tests/service/test_queue_worker.py::test_an_unreachable_callback_url_delays_no_other_call",
        ),
        HeldByTest(
            "That connection ended with the 202",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest(
            "The gateway checks only that the header is a URL at all",
            "tests/service/test_async_callbacks.py::test_a_callback_url_must_be_http",
        ),
        HeldByTest(
            "Whether a program listens there is known only after the function has run",
            "tests/service/test_queue_worker.py::test_an_unreachable_callback_url_delays_no_other_call",
        ),
        HeldByTest(
            "passes the result to another function",
            "tests/service/test_queue_worker.py::test_another_function_can_be_the_callback_target",
        ),
    ),
    plain=(
        "If you need it, there are two ways",
        "which means code in every function",
        "For that people use a **bin**",
        "You do not wait for an **asynchronous call**",
        "A line that begins with `!` is not Python",
        '`localhost` and `127.0.0.1` mean "this machine"',
        "In a cluster, the worker runs in a container of its own",
        "Many a callback never comes for this reason",
        "The lab has done that for you",
        "You will meet `--header` in three spellings",
        "Try all of them",
        "| Written as |",
        "Write `Name: value`",
        "You call it once, with a callback",
        "You call `figlet` once",
        "The sender tries both routes",
        "an error such as 500 may pass",
        "A callback URL may be the address of another function",
        "Two things are left to show",
        "Two things to keep in mind",
        "the sender has a short timeout",
        "nobody waits for the result",
        "calls come in bursts",
        "the work must survive a restart",
        "```mermaid",
        "Two requests, then",
        "refresh the page (F5)",
        "Nobody waits for the thumbnails",
        "The result goes to a mailbox",
        "The page cannot go on without the answer",
        "Use asynchronous calls where",
        "Next: [4",
    ),
)
