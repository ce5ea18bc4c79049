"""What a connection to an OpenFaaS elsewhere is made of."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from labkit.errors import CallbackUrlError, NotAvailableError
from labkit.remote import callback_address as module
from labkit.remote.address import RemoteAddress, remote_address
from labkit.remote.callback_address import CallbackAddress, callback_address
from labkit.remote.not_here import not_here
from labkit.remote.observed_calls import ObservedCalls
from labkit.views.not_available import NotAvailable
from labkit_services.call_record.log import CallState
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.times import rfc3339

GATEWAY = "http://gateway.example:8080"


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LABKIT_GATEWAY_USER", "LABKIT_GATEWAY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path))


# -- address and login


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("gateway.example:8080", GATEWAY),
        (f"{GATEWAY}/", GATEWAY),
        (" https://faas.example/prefix/ ", "https://faas.example/prefix"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://user:pa%40ss@gateway.example:8080", GATEWAY),
    ],
)
def test_url(given: str, url: str) -> None:
    assert remote_address(given).url == url


def test_the_login_of_the_url_is_decoded() -> None:
    address = remote_address("http://user:pa%40ss@gateway.example:8080")

    assert address[1:] == ("user", "pa@ss")
    assert "pa@ss" not in repr(address)


def test_the_login_is_that_of_arguments_then_url_then_variables_then_faas_cli(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = base64.b64encode(b"cli:four").decode()
    (tmp_path / "config.yml").write_text(f"auths:\n- gateway: {GATEWAY}\n  auth: basic\n  token: {token}\n")

    assert remote_address(GATEWAY)[1:] == ("cli", "four")
    assert remote_address("http://other.example:8080")[1:] == ("", "")
    monkeypatch.setenv("LABKIT_GATEWAY_USER", "variable")
    monkeypatch.setenv("LABKIT_GATEWAY_PASSWORD", "three")
    assert remote_address(GATEWAY)[1:] == ("variable", "three")
    in_url = GATEWAY.replace("http://", "http://url:two@")
    assert remote_address(in_url)[1:] == ("url", "two")
    assert remote_address(in_url, "argument", "one")[1:] == ("argument", "one")


def test_half_a_login_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_GATEWAY_PASSWORD", "three")
    with pytest.raises(InvalidValueError, match="not complete"):
        remote_address(GATEWAY)


# -- where callbacks come


@pytest.mark.parametrize("gateway", ["http://127.0.0.1:8080", "http://localhost:8080"])
def test_a_gateway_on_this_machine_calls_back_to_loopback(gateway: str) -> None:
    address = callback_address(RemoteAddress(gateway))

    assert (address.host in ("127.0.0.1", "::1"), address.port, address.url) == (True, 0, "")


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        ("http://127.0.0.1:9090", CallbackAddress("127.0.0.1", 9090, "http://127.0.0.1:9090")),
        ("192.0.2.7:9090", CallbackAddress("0.0.0.0", 9090, "http://192.0.2.7:9090")),
        ("https://tunnel.example/x/", CallbackAddress("0.0.0.0", 8090, "https://tunnel.example/x")),
    ],
)
def test_chosen_callback_url(chosen: str, address: CallbackAddress) -> None:
    assert callback_address(RemoteAddress("http://127.0.0.1:8080"), chosen) == address


@pytest.mark.parametrize("orchestration", ["kubernetes", "containerd"])
def test_containers_behind_loopback_do_not_call_back_to_loopback(
    orchestration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarded = RemoteAddress("http://127.0.0.1:8080")
    addresses = {"127.0.0.1": "127.0.0.1", "192.0.2.1": "192.0.2.7"}
    monkeypatch.setattr(module, "_own_address", lambda host, _: addresses[host])

    assert callback_address(forwarded, orchestration=orchestration).host == "192.0.2.7"
    assert callback_address(forwarded, orchestration="processes").host == "127.0.0.1"
    with pytest.raises(CallbackUrlError, match="leads back"):
        callback_address(forwarded, "http://localhost:9000", orchestration=orchestration)
    addresses["192.0.2.1"] = "127.0.0.1"
    with pytest.raises(CallbackUrlError, match="can't reach 127"):
        callback_address(forwarded, orchestration=orchestration)
    assert callback_address(forwarded, "http://192.0.2.7:1", orchestration=orchestration).port == 1


@pytest.mark.parametrize("chosen", ["ftp://host:1", "http://", "http://host:port", "http://host?x"])
def test_callback_url_that_is_none(chosen: str) -> None:
    with pytest.raises(CallbackUrlError, match="no URL for results"):
        callback_address(RemoteAddress("http://127.0.0.1:8080"), chosen)


# -- what client and callback tell


def callback(call_id: str, at: int, **openfaas: object) -> dict[str, object]:
    known = {"call_id": call_id, "function_name": "f.openfaas-fn", "function_status": 200}
    record = {"bin": "results", "id": "r1", "seq": 1, "content_length": 2, "received_at": rfc3339(at)}
    return {**record, "openfaas": {**known, **openfaas}}


def test_an_accepted_call_is_queued_until_its_callback_comes() -> None:
    calls = ObservedCalls()
    calls.sent("id", "f", "async", 0)
    calls.accepted("id", "f", 202, 0)
    call = calls.log.get("id")
    assert call is not None
    assert (call.state, call.is_settled, call.attempts) == (CallState.QUEUED, False, ())

    at = time.time_ns()
    calls.called_back(callback("id", at, duration_seconds=0.5), "http://here/r/results")

    call = calls.log.get("id", "f")
    assert call is not None
    assert (call.state, call.status, call.is_settled) == (CallState.DONE, 200, True)
    assert call.finished == pytest.approx(at, abs=1_000_000)
    assert call.ran == pytest.approx(0.5, abs=0.01)


def test_without_a_duration_the_begin_is_not_guessed() -> None:
    calls = ObservedCalls()
    calls.sent("id", "f", "async", 0)
    calls.accepted("id", "f", 202, 0)

    calls.called_back(callback("id", time.time_ns()), "http://here/r/results")

    call = calls.log.get("id", "f")
    assert call is not None
    assert (call.state, call.started, call.ran) == (CallState.DONE, None, None)


def test_a_callback_may_come_before_the_202() -> None:
    calls = ObservedCalls()
    calls.sent("id", "f", "async", 0)
    calls.called_back(callback("id", time.time_ns(), duration_seconds=0.0), "http://here/r/results")
    calls.accepted("id", "f", 202, 0)

    call = calls.log.get("id", "f")
    assert call is not None
    assert (call.state, call.is_settled) == (CallState.DONE, True)


@pytest.mark.parametrize("openfaas", [None, {"call_id": ""}, {"call_id": "id", "function_status": None}])
def test_a_request_that_is_no_callback_is_no_call(openfaas: dict[str, object] | None) -> None:
    calls = ObservedCalls()
    calls.called_back({**callback("id", time.time_ns()), "openfaas": openfaas}, "http://here/r/results")

    assert calls.log.calls == []


@pytest.mark.parametrize("duration", ["", "x", "-1", "nan", "inf", "1e300"])
def test_a_duration_that_is_none_is_ignored(duration: str) -> None:
    calls = ObservedCalls()
    calls.sent("id", "f", "sync", 0)
    calls.answered("id", "f", 200, b"", {"x-duration-seconds": duration})

    call = calls.log.get("id")
    assert call is not None
    assert (call.state, call.attempts) == (CallState.DONE, ())


# -- notes


def test_a_note_shows_itself_and_raises_when_it_is_used() -> None:
    note = NotAvailable(not_here("The <queue>", "the lab's own gateway"))

    assert "not available here" in repr(note)
    assert "&lt;queue&gt;" in note._repr_html_()
    for use in (bool, len, list, int, float, lambda x: x == 1, lambda x: x[0], lambda x: x.depth):
        with pytest.raises(NotAvailableError, match="not available here"):
            use(note)
    assert not hasattr(note, "_repr_mimebundle_")
