"""Requests of a page that the kernel relays: what is allowed, bounded, answered, dropped."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from labkit.clients.api_request import ApiRequest
from labkit.errors import InvalidValueError, LabGoneError
from labkit.live.relay import MOST_BYTES, MOST_RUNNING, Relay


@pytest.mark.parametrize(
    "path",
    [
        "api/v1/queues",
        "api/v1/faults?history=false",
        "api/v1/bins/a%20b/hold",
        "api/v1/functions/echo.openfaas-fn",
    ],
)
def test_paths_below_the_api_are_allowed(path: str) -> None:
    assert ApiRequest.parse({"method": "GET", "path": path, "body": ""}) == ApiRequest("GET", path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api/v1/",
        "/api/v1/queues",
        "metrics",
        "r/callbacks",
        "api/v2/queues",
        "api/v1/../metrics",
        "api/v1/%2e%2e/%2e%2e/metrics",
        "api/v1/bins/%2E%2E%2F%2E%2E/metrics",
        "api/v1//queues",
        "api/v1/queues\r\nX: y",
        "api/v1/queues\n",
        "api/v1/bins/a%5c..%5cb",
        "api/v1/bins/%00",
        "http://example.com/api/v1/queues",
        "api/v1/calls/events",
        "api/v1/logs/events?service=gateway",
        "api/v1/b\u00fcns",
        "api/v1/" + "a" * 2001,
        None,
        7,
    ],
)
def test_other_paths_and_streams_are_refused(path: object) -> None:
    with pytest.raises(InvalidValueError):
        ApiRequest.parse({"method": "GET", "path": path, "body": ""})


@pytest.mark.parametrize(
    "change",
    [
        {"method": "TRACE"},
        {"method": None},
        {"method": "get"},
        {"body": 5},
        {"body": "x" * (256 * 1024 + 1)},
        {"body": "é" * (128 * 1024 + 1)},
        {"body": "\ud800"},
    ],
)
def test_other_methods_and_long_bodies_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        ApiRequest.parse({"method": "PUT", "path": "api/v1/workers", "body": "{}", **change})


class Page:
    """A page, and what its requests are answered."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.sent: list[ApiRequest] = []
        self.failed: list[str] = []
        self.go = asyncio.Event()
        self.answer: tuple[int, Any] | Exception = (200, {"count": 2})
        self.relay = Relay(
            self._send,
            lambda message: self.posted.append(message["response"]),
            asyncio.get_running_loop().call_soon_threadsafe,
            lambda name, _error: self.failed.append(name),
        )

    async def _send(self, request: ApiRequest) -> tuple[int, Any]:
        self.sent.append(request)
        await self.go.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def ask(self, request_id: object = "a-1", path: str = "api/v1/workers") -> None:
        """Send a message from a thread, as a kernel may."""
        message = {"request": {"id": request_id, "method": "PUT", "path": path, "body": '{"count": 2}'}}
        thread = threading.Thread(target=self.relay.receive, args=(message,))
        thread.start()
        thread.join()


async def turns() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def test_a_request_is_accepted_at_once_and_answered_with_its_id() -> None:
    async def main() -> None:
        page = Page()
        page.ask("a-1")
        page.ask("a-2")
        await turns()
        assert page.posted == [{"id": "a-1", "accepted": True}, {"id": "a-2", "accepted": True}]
        page.go.set()
        await turns()
        assert page.posted[2:] == [
            {"id": each, "status": 200, "body": {"count": 2}} for each in ("a-1", "a-2")
        ]
        assert page.sent[0] == ApiRequest("PUT", "api/v1/workers", '{"count": 2}')

    asyncio.run(main())


def test_receiving_a_message_only_puts_it_on_the_loop() -> None:
    async def main() -> None:
        page = Page()
        page.ask()
        assert (page.posted, page.sent) == ([], [])  # the loop has not run since

    asyncio.run(main())


def test_a_path_that_is_not_allowed_is_answered_with_the_error() -> None:
    async def main() -> None:
        page = Page()
        page.go.set()
        page.ask(path="metrics")
        await turns()
        assert page.sent == []
        assert page.posted[-1]["status"] == 0
        assert page.posted[-1]["body"]["expected"] == "a path below api/v1/"

    asyncio.run(main())


def test_a_lab_that_is_gone_is_told_with_the_next_step() -> None:
    async def main() -> None:
        page = Page()
        page.answer = LabGoneError(expected="the lab", seen="none", next_step="run the first cell")
        page.go.set()
        page.ask()
        await turns()
        body = page.posted[-1]["body"]
        assert (page.posted[-1]["status"], body["next"], body["seen"]) == (0, "run the first cell", "none")

    asyncio.run(main())


def test_a_request_that_fails_unexpectedly_is_answered_and_reported() -> None:
    async def main() -> None:
        page = Page()
        page.answer = ZeroDivisionError("oops")
        page.go.set()
        page.ask()
        await turns()
        assert page.posted[-1]["status"] == 0
        assert "oops" in page.posted[-1]["body"]["seen"]
        assert page.failed == ["relay request a-1"]

    asyncio.run(main())


def test_too_many_requests_and_too_long_answers_are_refused() -> None:
    async def main() -> None:
        page = Page()
        for number in range(MOST_RUNNING + 1):
            page.ask(f"a-{number}")
        await turns()
        assert page.posted[-1]["status"] == 429
        assert len(page.sent) == MOST_RUNNING
        page.answer = (200, {"text": "x" * MOST_BYTES})
        page.go.set()
        await turns()
        await turns()
        assert page.posted[-1]["status"] == 0
        assert page.posted[-1]["body"]["error"] == "the answer is too long"
        page.answer = (200, {})
        page.ask("again")
        await turns()
        assert page.posted[-1] == {"id": "again", "status": 200, "body": {}}

    asyncio.run(main())


def test_a_closed_view_gets_no_answer_and_leaves_no_task() -> None:
    async def main() -> None:
        page = Page()
        page.ask()
        await turns()
        page.relay.close()
        await turns()
        page.go.set()
        await turns()
        assert page.posted == [{"id": "a-1", "accepted": True}]
        assert page.failed == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"request": None},
        {"request": {}},
        {"request": {"id": 5}},
        {"request": {"id": "x" * 65}},
        {"view": "gone"},
    ],
)
def test_other_messages_are_ignored(message: dict[str, Any]) -> None:
    async def main() -> None:
        page = Page()
        page.relay.receive(message)
        await turns()
        assert page.posted == []

    asyncio.run(main())
