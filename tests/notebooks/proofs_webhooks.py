"""Why each statement of the fifth notebook is true."""

from __future__ import annotations

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_CE = "openfaas/faas gateway/handlers/queue_proxy.go; openfaas/nats-queue-worker 0.14.2, main.go"
_PRO = "OpenFaaS documentation, OpenFaaS Pro: Retries; Reference: async"
_BEST_PRACTICES = "GitHub documentation, Best practices for using webhooks"
_FAILED = "GitHub documentation, Handling failed webhook deliveries"
_VALIDATING = "GitHub documentation, Validating webhook deliveries"
_PAYLOADS = "GitHub documentation, Webhook events and payloads"
_RFC = "RFC 2104, HMAC"
_PYTHON = "Python documentation, hmac; open"
_GITHUB = "tests/unit/test_github.py::test_a_delivery_has_github_s_headers_and_a_signature_of_the_exact_body"
_LATE = "tests/unit/test_github.py::test_a_late_answer_a_refusal_and_no_receiver_are_failed_deliveries"
_GATEWAY = "tests/service/test_gateway_invoke.py"
_ACCEPTED = f"{_GATEWAY}::test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body"
_THROUGH = (
    "tests/service/test_gateway_invoke.py::test_a_body_at_the_limit_with_long_headers_is_queued_and_delivered"
)
_TOO_LARGE = "tests/service/test_gateway_invoke.py::test_a_body_over_the_limit_is_a_413_that_states_the_limit"
_TIMES = r"^{} +wrong at the first character: +([\d.]+) µs +at the last: +[\d.]+ µs$"
_LAST = r"^{} +wrong at the first character: +[\d.]+ µs +at the last: +([\d.]+) µs$"


def _tells_where(outputs: Outputs) -> bool:
    first = outputs.number("timing", _TIMES.format("=="))
    return outputs.number("timing", _LAST.format("==")) > 5 * first


def _tells_nothing(outputs: Outputs) -> bool:
    first = outputs.number("timing", _TIMES.format("compare_digest"))
    return 0.3 < outputs.number("timing", _LAST.format("compare_digest")) / first < 3


PROOFS = Proofs(
    (
        Sourced("GitHub waits ten seconds for the answer", _BEST_PRACTICES),
        Sourced("After that it hangs up, and the delivery counts as failed", f"{_BEST_PRACTICES}; {_FAILED}"),
        Sourced("GitHub does not send it again by itself", _FAILED),
        Shown(
            "Its patience is scaled down by ten, to one second", "sync", r"^failed     no answer  1\.\d\d s"
        ),
        Shown("GitHub shows a failed delivery", "sync", "^failed     no answer  1"),
        Shown("the build was made all the same", "sync", "^built: 1$"),
        Shown("Failed means *no answer in time*, not *nothing happened*", "sync", "^built: 1$"),
        Shown("A 202 at once", "async", r"^delivered  202  0\.\d\d s"),
        Shown("the build may take as long as it needs", "async", "^the build: done$"),
        Sourced("GitHub's own advice is the same", _BEST_PRACTICES),
        HeldByTest("What GitHub will never learn", _ACCEPTED),
        Shown("A 202 for a stranger", "forged", "^202$"),
        Sourced("a number that nobody can compute without the secret", f"{_RFC}; {_VALIDATING}"),
        Sourced("In Python an HMAC is one line", _PYTHON),
        Sourced("`hmac.new(key, body, hashlib.sha256).hexdigest()`", _PYTHON),
        Shown(
            "The header has `sha256=` before the number",
            "headers",
            "^X-Hub-Signature-256  sha256=[0-9a-f]{64}$",
        ),
        HeldByTest(
            "nor in the environment, which `faas-cli describe` shows",
            "tests/service/test_faas_cli_table.py::test_row",
        ),
        Shown("OpenFaaS keeps **secrets**", "secret", "^webhook-secret$"),
        HeldByTest(
            "finds it as a file below `/var/openfaas/secrets/`",
            "tests/service/test_watchdog_secrets.py::test_the_command_reads_the_secret_byte_for_byte",
        ),
        Shown("Here is one that has found a wrong signature", "behind", "the lab sees: failed with 401 "),
        Shown(
            "body and headers come through the queue unchanged", "behind", "the lab sees: failed with 401 "
        ),
        HeldByTest("| A forged delivery is answered with | 401 | 202 |", _LATE),
        Shown(
            "| A forged delivery is answered with | 401 | 202 |",
            "behind",
            r"^GitHub sees: delivered  202 (?s:.*)^the lab sees: failed with 401 ",
        ),
        Shown("| It takes a place in the queue | no | yes |", "behind", "with 401 after 1 attempt$"),
        Shown(
            "| A wrong secret in your settings shows | at GitHub", "behind", "^GitHub sees: delivered  202 "
        ),
        Shown("The next attempt would get a 401 as well", "behind", "failed with 401 after 1 attempt$"),
        Computed("`==` stops at the first character that differs", ("timing",), _tells_where),
        Computed("With `==` a guess that begins rightly takes longer", ("timing",), _tells_where),
        Computed("Whoever can measure that finds a signature", ("timing",), _tells_where),
        Computed("`compare_digest` looks at everything in any case", ("timing",), _tells_nothing),
        Computed(
            "the difference is some billionths of a second",
            ("timing",),
            # A million characters: below 250 µs, 64 of them take below 16 ns.
            lambda outputs: outputs.number("timing", _LAST.format("==")) < 250,
        ),
        Computed(
            "the safe comparison of so short a text takes less than a microsecond",
            ("timing",),
            # A million characters take below 5000 µs, so 64 of them below 0.4 µs; the call itself adds 0.1.
            lambda outputs: outputs.number("timing", _LAST.format("compare_digest")) < 5000,
        ),
        Sourced("on the page of recent deliveries, for three days", _FAILED),
        Sourced("The redelivery has the *same* `X-GitHub-Delivery`", _BEST_PRACTICES),
        Shown(
            "The gateway gives each request a call id of its own",
            "again",
            r"^delivery ids: 1\ncall ids:     3\nbuilds:       3$",
        ),
        Shown(
            "Only *you* can know that they are one delivery", "again", r"^delivery ids: 1\ncall ids:     3$"
        ),
        Sourced("raises `FileExistsError` if there is one", _PYTHON),
        HeldByTest("| Answer to an asynchronous delivery | 202 at once", _ACCEPTED),
        Sourced("| Answer to an asynchronous delivery | 202 at once | 202 at once", f"{_CE}; {_PRO}"),
        Sourced("lost, unless you look | is run again, then discarded", f"{_CE}; {_PRO}"),
        HeldByTest(
            "is run again, then kept as a dead letter |",
            "tests/service/test_async_retries.py"
            "::test_a_call_without_attempts_left_is_dead_lettered_and_its_callback_posted",
        ),
        Sourced("256,000 bytes | 1 MB, can be changed", f"{_CE}; {_PRO}"),
        HeldByTest("| 1 MiB |", _TOO_LARGE),
        Sourced("GitHub's payloads can be as large as 25 MB", _PAYLOADS),
        HeldByTest("A push that is too large for the queue is refused", _TOO_LARGE),
        Sourced("Ten seconds is the limit of github.com", f"{_BEST_PRACTICES}, also for Enterprise Server"),
        Sourced(
            "many of them *do* redeliver by themselves",
            "Stripe documentation, Receive events in your webhook endpoint",
        ),
        Shown(
            "GitHub has hung up; that does not stop the handler",
            "check-record",
            "yes a delivery without an answer in time was built all the same",
        ),
        Shown(
            "Each redelivery starts one more build",
            "check-record",
            "yes one delivery and two redeliveries were",
        ),
        Sourced("The ten seconds are GitHub's", _BEST_PRACTICES),
        Sourced("A failed delivery stays failed until somebody asks", _FAILED),
        Shown(
            "You saw a failed delivery whose build was made",
            "check-record",
            "yes a delivery without an answer",
        ),
        Shown(
            "With the 202 the delivery is green", "check-record", "yes the asynchronous route answered within"
        ),
        Sourced("An HMAC is about bytes, not about meaning", _RFC),
        HeldByTest(
            "Body and headers come through the queue unchanged",
            _THROUGH,
        ),
        Sourced("It differs from `==` in the time that it takes", _PYTHON),
        Sourced("A sender of webhooks waits for seconds only", _BEST_PRACTICES),
        Shown(
            "A delivery that has failed for the sender may have been worked on all the same",
            "check-record",
            "yes a delivery without an answer in time was built all the same",
        ),
        Shown(
            "A redelivery has the same delivery id and another call id",
            "check-record",
            "yes with one delivery id",
        ),
        HeldByTest("with the real headers", _GITHUB),
    ),
    plain=(
        "One such request is a **delivery**",
        "Every push should start a build",
        "This one takes two seconds",
        "That has to be told in another way",
        "| You need | one more function",
        "It has to be a place outside of the function",
        "GitHub has its ten seconds again",
        "One gap is left",
        "If the function dies between the mark",
        "Notebook 8 is about that gap",
        "The recipe is the same for all",
        "GitHub does not.",
        "The secret is the one that you have set",
        "If it changed, all deliveries after that would be refused",
        "Answer with a fast 2xx",
        "Check the signature over the exact bytes",
        "Next: [6",
    ),
)
