"""Requests of a view to the lab's API, for a page that can't reach it.

A message of the page is only put on the background loop. There the request
goes to the inspector, and the answer goes back as a message with its id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from labkit.clients.api_request import ApiRequest
from labkit.errors import LabError
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

SECONDS = 95.0
"""Deadline of a request; a queue-worker that is removed finishes its calls."""
MOST_RUNNING = 32
MOST_BYTES = 1024 * 1024
_MAX_ID = 64

Answer = tuple[int, Any]
Send = Callable[[ApiRequest], Awaitable[Answer]]
OnLoop = Callable[..., object]


class Relay:
    """Relays the requests of one view.

    Messages: ``{"request": {"id", "method", "path", "body"}}``, answered by
    ``{"response": {"id", "accepted": true}}`` and ``{"response": {"id",
    "status", "body"}}``. Status 0 is no answer; the body is then an error
    ``{error, expected, seen, next}``.
    """

    def __init__(
        self, send: Send, post: Callable[[dict[str, Any]], None], on_loop: OnLoop, on_failure: OnFailure
    ) -> None:
        """Create a relay.

        Args:
            send: Sends a request to the inspector, with its token.
            post: Sends a message to the page.
            on_loop: Calls a function on the background loop, from any thread.
            on_failure: Gets the name and exception of a task that failed.
        """
        self._send = send
        self._post = post
        self._on_loop = on_loop
        self._tasks = BackgroundTasks(on_failure)
        self._running: set[asyncio.Task[None]] = set()

    def receive(self, message: dict[str, Any]) -> None:
        """Take a message of the page, on any thread; others are ignored."""
        request = message.get("request")
        if isinstance(request, dict) and _is_id(request.get("id")):
            self._on_loop(self._start, request)

    def close(self) -> None:
        """Wait for no answer any more: the view was closed."""
        self._on_loop(self._cancel)

    def _cancel(self) -> None:
        for task in self._running:
            task.cancel()

    def _start(self, document: dict[str, Any]) -> None:
        request_id = document["id"]
        if len(self._running) >= MOST_RUNNING:
            error = {"error": "too many requests at a time", "expected": f"at most {MOST_RUNNING}"}
            self._answer(request_id, 429, error)
            return
        self._post({"response": {"id": request_id, "accepted": True}})
        task = self._tasks.start(self._relay(request_id, document), name=f"relay request {request_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _relay(self, request_id: str, document: dict[str, Any]) -> None:
        try:
            request = ApiRequest.parse(document)
            async with asyncio.timeout(SECONDS):
                status, body = await self._send(request)
        except TimeoutError as error:
            status, body = 0, _timeout(error)
        except LabError as error:
            status, body = 0, error.to_json()
        except Exception as error:
            # The page would wait until its deadline. It's reported as well.
            self._answer(
                request_id, 0, {"error": "the request failed in the kernel", "seen": repr(error)[:200]}
            )
            raise
        if len(json.dumps(body)) > MOST_BYTES:
            status, body = 0, {"error": "the answer is too long", "expected": f"at most {MOST_BYTES} bytes"}
        self._answer(request_id, status, body)

    def _answer(self, request_id: str, status: int, body: Any) -> None:
        self._post({"response": {"id": request_id, "status": status, "body": body}})


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID


def _timeout(error: TimeoutError) -> dict[str, str]:
    if isinstance(error, LabError):
        return error.to_json()
    return {"error": "the inspector did not answer", "expected": f"an answer within {SECONDS:g} s"}
