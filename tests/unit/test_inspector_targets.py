"""Where forwards and replays may go, and that the checked address is used."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from wire import serving

from labkit_services.http import HttpClient, Request, Response
from labkit_services.inspector.resend.sender import NoAnswerError, Sender
from labkit_services.inspector.resend.targets import AllowedTargets, TargetRefusedError, UnresolvedTargetError

pytestmark = pytest.mark.anyio


class Names:
    """A resolver that gives another answer each time, as an attacker's does."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if not self.answers:
            raise socket.gaierror(-2, "Name or service not known")
        return self.answers.pop(0)


def targets(*allowed: str, names: Names | None = None) -> AllowedTargets:
    return AllowedTargets(allowed, lambda: "http://127.0.0.1:9", [4222], names or Names())


async def addresses(url: str, *allowed: str, names: Names | None = None) -> list[str]:
    target = await targets(*allowed, names=names).resolve(url)
    return [origin.address for origin in target.origins]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:8080/x", ["127.0.0.1"]),
        ("http://127.9.9.9/", ["127.9.9.9"]),
        ("https://[::1]:8443/", ["::1"]),
        ("http://[::ffff:127.0.0.1]/", ["::ffff:7f00:1"]),
        ("http://localhost/", ["127.0.0.1", "::1"]),
        ("http://x.LOCALHOST./", ["127.0.0.1", "::1"]),
        ("http://gateway:8080/function/f", ["127.0.0.1"]),
        ("http://gateway.openfaas.svc.cluster.local.:8080/", ["127.0.0.1"]),
    ],
)
async def test_this_machine_is_allowed_without_asking_a_name_server(url: str, found: list[str]) -> None:
    names = Names()
    assert await addresses(url, names=names) == found
    assert names.asked == []


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://gateway/", "http://gateway:80/", "https://gateway:8080/"]
)
async def test_a_name_that_is_not_allowed_is_not_even_looked_up(url: str) -> None:
    names = Names(["127.0.0.1"])
    with pytest.raises(TargetRefusedError):
        await addresses(url, names=names)
    assert names.asked == []


async def test_a_name_is_looked_up_once_and_all_its_addresses_are_checked() -> None:
    names = Names(["203.0.113.5", "203.0.113.6"], ["169.254.169.254"], ["203.0.113.5", "169.254.169.254"])
    url = "http://rebinding.test/"
    assert await addresses(url, "rebinding.test", names=names) == ["203.0.113.5", "203.0.113.6"]
    assert len(names.asked) == 1
    for _ in range(2):
        with pytest.raises(TargetRefusedError):
            await addresses(url, "rebinding.test", names=names)
    with pytest.raises(UnresolvedTargetError):
        await addresses(url, "rebinding.test", names=names)


@pytest.mark.parametrize(
    ("url", "allowed", "permitted"),
    [
        ("http://a.example.org/", ".example.org", True),
        ("http://example.org/", ".example.org", False),
        ("http://evil-example.org/", ".example.org", False),
        ("http://example.org.evil.test/", "example.org", False),
        ("http://example.org:81/", "example.org:80", False),
        ("http://EXAMPLE.org/", "Example.ORG", True),
        ("http://example.org./", "example.org", True),
        ("http://203.0.113.5/", "203.0.113.5", True),
        ("http://203.0.113.6/", "203.0.113.5", False),
        ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080", True),
        ("http://anything.test/", "*", True),
        ("http://127.0.0.1:4222/", "*", False),
        ("http://[::ffff:7f00:1]:4222/", "*", False),
        ("http://[::]/", "*", False),
        ("http://0.0.0.0/", "*", False),
        ("http://[fe80::1]/", "*", False),
        ("http://169.254.169.254/", "169.254.169.254", True),
    ],
)
async def test_the_setting_allows_exactly_what_it_lists(url: str, allowed: str, permitted: bool) -> None:
    names = Names(["203.0.113.5"])
    if permitted:
        assert await addresses(url, allowed, names=names)
    else:
        with pytest.raises(TargetRefusedError):
            await addresses(url, allowed, names=names)


async def test_an_allowed_name_does_not_open_the_port_of_nats_server() -> None:
    with pytest.raises(TargetRefusedError):
        await addresses("http://rebinding.test:4222/", "*", names=Names(["127.0.0.1"]))


async def test_the_connection_goes_to_the_checked_address_with_the_name_as_host() -> None:
    async def answer(request: Request) -> Response:
        return Response.text(200, request.headers.get("Host"))

    client = HttpClient()
    async with serving(answer) as served:
        names = Names(["127.0.0.1"], ["203.0.113.5"])
        url = f"http://rebinding.test:{served.port}/"
        target = await targets("rebinding.test", names=names).resolve(url)
        response = await Sender(client, 1000).send(target, "GET", [], b"", 5)
        assert response.body.decode() == f"rebinding.test:{served.port}"
        assert names.asked == ["rebinding.test"]
        client.close()


async def test_the_next_address_is_tried_if_the_first_refuses() -> None:
    async def answer(_request: Request) -> Response:
        return Response.text(200, "here")

    client = HttpClient()
    async with serving(answer) as served:
        names = Names(["127.0.0.2", "127.0.0.1"])
        target = await targets("two.test", names=names).resolve(f"http://two.test:{served.port}/")
        assert (await Sender(client, 1000).send(target, "GET", [], b"", 5)).body == b"here"
        client.close()


async def test_a_target_that_never_answers_is_given_up_in_time() -> None:
    async def answer(_request: Request) -> Response:
        await asyncio.sleep(3600)
        raise AssertionError

    client = HttpClient()
    async with serving(answer) as served:
        target = await targets().resolve(f"http://127.0.0.1:{served.port}/")
        started = time.monotonic()
        with pytest.raises(NoAnswerError, match=r"within 0\.2 s"):
            await Sender(client, 1000).send(target, "GET", [], b"", 0.2)
        assert time.monotonic() - started < 2
        client.close()


async def test_a_slow_name_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(3600)
        return []

    monkeypatch.setattr("labkit_services.inspector.resend.targets._RESOLVE_SECONDS", 0.1)
    with pytest.raises(UnresolvedTargetError):
        await AllowedTargets(["*"], lambda: "", (), never).resolve("http://slow.test/")
