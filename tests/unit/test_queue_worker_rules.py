"""Pure parts of the queue-worker: credit, URLs, callback headers, settings."""

from __future__ import annotations

import random

import pytest

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.outcome import Result
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import Headers
from labkit_services.queue_worker.callback_delivery import callback_headers
from labkit_services.queue_worker.callback_request import resolve_alias
from labkit_services.queue_worker.config import check_max_inflight
from labkit_services.queue_worker.delivery import function_url
from labkit_services.queue_worker.inflight_limit import Credit

CALL = QueuedCall("id-1", "figlet.openfaas-fn", "POST", "/p", "a=b", (), "http://x/", 1, b"hi")


def test_no_more_messages_are_requested_than_can_run() -> None:
    credit = Credit(max_inflight=3)
    credit.requested += credit.available()

    assert credit.requested == 3
    assert credit.available() == 0
    assert credit.accept()
    assert credit.available() == 0
    credit.finish()
    assert credit.available() == 1


def test_a_message_beyond_a_lowered_limit_is_not_accepted() -> None:
    credit = Credit(max_inflight=2)
    credit.requested += 2
    assert credit.accept()
    credit.max_inflight = 1

    assert not credit.accept()
    assert credit.available() == 0


def test_credit_stays_within_bounds_in_random_walks() -> None:
    """The number in flight never exceeds the limit of its time."""
    rng = random.Random(7)
    for _ in range(200):
        credit = Credit(max_inflight=rng.randint(1, 5))
        for _ in range(200):
            step = rng.choice(["ask", "arrive", "done", "expire", "forget", "resize"])
            if step == "ask":
                credit.requested += credit.available()
            elif step == "arrive":
                before = credit.in_flight
                taken = credit.accept()
                assert credit.in_flight == before + taken
                assert not taken or credit.in_flight <= credit.max_inflight
            elif step == "done" and credit.in_flight:
                credit.finish()
            elif step == "expire":
                credit.expire(rng.randint(0, 3))
            elif step == "forget":
                credit.requested = 0
            elif step == "resize":
                credit.max_inflight = rng.randint(1, 5)
            assert credit.requested >= 0
            assert credit.in_flight >= 0
            assert credit.available() >= 0


@pytest.mark.row("2.3 invocation")
def test_a_function_is_invoked_with_the_path_and_query_of_the_client() -> None:
    assert function_url("http://g:1", CALL) == "http://g:1/function/figlet.openfaas-fn/p?a=b"


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("http://gateway:8080/function/x?y=1", "http://127.0.0.1:9/function/x?y=1"),
        ("http://gateway.openfaas:8080/function/x", "http://127.0.0.1:9/function/x"),
        ("http://GATEWAY:8080/", "http://127.0.0.1:9/"),
        ("HTTP://Gateway.OpenFaaS:8080", "http://127.0.0.1:9"),
        ("http://gateway.openfaas.:8080/x", "http://127.0.0.1:9/x"),
        ("http://gateway.openfaas.svc:8080/x", "http://127.0.0.1:9/x"),
        ("http://user:pw@gateway.openfaas:8080/x#f", "http://127.0.0.1:9/x#f"),
        ("https://gateway.openfaas:8080/x", "https://127.0.0.1:9/x"),
        ("http://gateway.openfaas/x", "http://gateway.openfaas/x"),
        ("http://gateway..:8080/x", "http://gateway..:8080/x"),
        ("http://gateway:9090/x", "http://gateway:9090/x"),
        ("http://gateway.example.com:8080/x", "http://gateway.example.com:8080/x"),
        ("http://127.0.0.1:8090/r/b", "http://127.0.0.1:8090/r/b"),
    ],
)
def test_the_gateway_name_of_a_cluster_resolves_to_the_gateway_of_the_lab(url: str, resolved: str) -> None:
    assert resolve_alias(url, "http://127.0.0.1:9") == resolved


@pytest.mark.row("2.4 callback headers")
def test_a_callback_carries_the_headers_of_the_function_then_those_about_the_call() -> None:
    result = Result(
        500,
        (
            ("Content-Type", "text/x"),
            ("X-Served-By", "openfaas-ce/1"),
            ("Set-Cookie", "a"),
            ("Set-Cookie", "b"),
            ("X-Call-Id", "other"),
            ("X-Duration-Seconds", "9"),
            ("Content-Length", "3"),
            ("Connection", "close"),
            ("Date", "now"),
        ),
        b"out",
        3,
        2,
        1,
        1.0032139,
    )

    headers = Headers(callback_headers(CALL, result, max_attempts=5))

    assert headers.get("X-Call-Id") == "id-1"
    assert headers.get_all("X-Duration-Seconds") == ["1.003214"]
    assert headers.get("X-Function-Status") == "500"
    assert headers.get("X-Function-Name") == "figlet.openfaas-fn"
    assert headers.get("Content-Type") == "text/x"
    assert headers.get("X-Served-By") == "openfaas-ce/1"
    assert headers.get_all("Set-Cookie") == ["a", "b"]
    assert (headers.get("X-Retry"), headers.get("X-Retry-Max")) == ("1", "4")
    assert "Content-Length" not in headers
    assert "Connection" not in headers


@pytest.mark.parametrize("value", [0, -1, 1001, True, "3", None, 1.5])
def test_an_invalid_max_inflight_is_refused(value: object) -> None:
    with pytest.raises(InvalidValueError, match="from 1 to 1000"):
        check_max_inflight(value)
