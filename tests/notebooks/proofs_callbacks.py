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
            "The output of an asynchronous call is not in the answer",
            "tests/service/test_gateway_invoke.py"
            "::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body",
        ),
        HeldByTest("No code at all", _CALLBACK_HEADERS),
        HeldByTest("a browser reaches the bin through JupyterLab, so it needs no token", _PROXY_PAGE),
        Shown("Two addresses, one bin", "bin-show", "for X-Callback-Url: .* open in your browser: "),
        HeldByTest("the queue-worker posts to it", _CALLBACK_HEADERS),
        Shown("Without JupyterLab you see the first one only", "bin", r"^'http://[^']+/r/callbacks'$"),
        HeldByTest("the bin shows what arrives in it, *live*", _LIVE_BIN),
        HeldByTest("You make the first one and get a 202", _CALLBACK_HEADERS),
        HeldByTest("The worker makes the second one, later, to the URL", _CALLBACK_HEADERS),
        HeldByTest("an address that accepts every request and shows it to you", _ANY_REQUEST),
        HeldByTest("Open the bin's page", _BIN_PAGE),
        HeldByTest("The newest request is at the top, and its body is a banner", _PAGE_IS_LIVE),
        HeldByTest("the next request appears without a refresh", _PAGE_IS_LIVE),
        HeldByTest("the inspector keeps the requests", _KEPT),
        HeldByTest("The same request is in the live bin above, too", _LIVE_BIN),
        HeldByTest("The tab *Lab page* shows all bins", _PROXY_PAGE),
        HeldByTest("open it by its tile in JupyterLab's launcher", _PROXY_PAGE),
        HeldByTest("It asks for no token", _PROXY_PAGE),
        Shown("so there is nothing to copy by hand", "callback-shell", "^Function submitted"),
        HeldByTest(
            "`wait` blocks until a request that fits has arrived there",
            "tests/service/test_inspector.py::test_wait_returns_as_soon_as_enough_requests_match",
        ),
        HeldByTest(
            "prints a link that opens it, once and within ten minutes",
            "tests/service/test_saved_notebook.py::test_the_link_of_labkit_status_opens_the_page_once",
        ),
        HeldByTest("but by the *queue-worker*", _CALLBACK_HEADERS),
        HeldByTest("so `127.0.0.1` will do", _CALLBACK_HEADERS),
        Shown("The id that came with the 202", "headers", r"X-Call-Id +[0-9a-f-]{36}$"),
        Shown("faas-cli always adds the namespace, `.openfaas-fn`", "headers", r"figlet\.openfaas-fn$"),
        Shown("The status of the function: 200 if it succeeded", "headers", "X-Function-Status +200$"),
        Computed(
            "The time in the queue is not in `X-Duration-Seconds`",
            ("duration-parts",),
            lambda outputs: (
                outputs.number("duration-parts", r"the worker was busy +([\d.]+) s") < 1.5
                and outputs.number("duration-parts", r"time in the queue +([\d.]+) s") > 1.5
            ),
        ),
        Computed(
            "accepts all three, so that old texts still work",
            ("forms-arrived",),
            lambda outputs: all(
                f"/r/1i7i1we1{path}\n" in outputs["forms-arrived"] for path in ("", "/equals-sign", "/colon")
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
            "The wait between the attempts grows",
            "tests/unit/test_retry.py::test_waits_double_up_to_the_maximum",
        ),
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
            "notify-wait",
            "Callback to: http://gateway:8080/function/n",
        ),
        Shown("it writes its output to its log", "notify-wait", r"\|_____\\__,_\|"),
        Shown("The output of `figlet` was the input of `notify`", "notify-wait", r"\|_____\\__,_\|"),
        Shown("which writes only its status to the log", "notify-wait", "function/notify, status: 200$"),
        Shown("keeps what both discard", "editions", "without a callback: 200 and "),
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
        Shown("kept for an hour: `result()`", "editions", "without a callback: 200 and [1-9]"),
        Sourced("A call can be cancelled | no | yes", _PRO_COMPARISON),
        Shown("yes: `cancel()`", "editions", "the last of three waiting calls: cancelled$"),
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
        Shown("GitHub has its 2xx in a few milliseconds", "webhook", "^async-function: 202$"),
        Shown("The gateway accepts *everything*", "webhook", "^async-function: 202$"),
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
        "From a cluster, `http://localhost:8888`",
        "That is the most common reason",
        "The lab has done that for you",
        "You will meet `--header` in three spellings",
        "Try all of them",
        "| Written as |",
        "Write `Name: value`",
        "A function that looks for a file",
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
        "Refresh the page (F5)",
        "Nobody waits for the thumbnails",
        "The result goes to a mailbox",
        "The page cannot go on without the answer",
        "Use asynchronous calls where",
        "Next: [4",
    ),
)
