"""A queue: its figures, its ``max_inflight``, and its dead letters."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from labkit.clients.connections import Connections
from labkit.clients.http_client import expect
from labkit.clients.lab_watch import guarded
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import InvalidValueError
from labkit.lab.background_loop import LoopBound, blocking
from labkit.lab.run_conditions import cancel_calls
from labkit.views.dead_letters import DeadLetter, DeadLetters
from labkit.views.queue_status import HEADING, QueueStatus
from labkit.views.tables import TableList
from labkit_services.contract.queues import check_queue_name


class AsyncQueue(LoopBound):
    """A queue, as coroutines; ``name`` is its name."""

    def __init__(self, name: str, connections: Connections, supervisor: SupervisorClient) -> None:
        self.name = check_queue_name(name)
        self.watch = connections.watch
        self._gateway = connections.gateway
        self._supervisor = supervisor
        self._path = f"/system/queues/{name}"

    async def status(self) -> QueueStatus:
        """Return its figures now.

        Raises:
            GatewayError: There is no such queue, or nats-server is
                unavailable.
        """
        headline = f"could not read the status of queue {self.name}"
        return QueueStatus.from_json(await self._request("GET", "", headline))

    @guarded
    async def set_max_inflight(self, count: int) -> int:
        """Change how many calls each of its workers runs at once.

        Raises:
            InvalidValueError: ``count`` is out of range.
            GatewayError: No worker serves the queue.
        """
        response = await self._gateway.request("PUT", self._path, json={"maxInflight": count})
        if response.status_code == 400:
            raise InvalidValueError(response.text.strip())
        expect(response, f"max_inflight of {self.name} was not changed", 200)
        await self._supervisor.configure(queue=self.name, max_inflight=count)
        return count

    async def dead_letters(self, limit: int = 100) -> DeadLetters:
        """Return its oldest ``limit`` (up to 1000) dead letters."""
        headline = f"could not read the dead letters of {self.name}"
        documents = await self._request("GET", "/dead-letters", headline, params={"limit": limit})
        return DeadLetters(map(DeadLetter.from_json, documents))

    async def dead_letter(self, call_id: str, function: str = "") -> DeadLetter:
        """Return the newest dead letter of a call; a GatewayError if none.

        ``function`` chooses one of the functions that share the id, here and
        below.
        """
        headline = f"call {call_id} has no dead letter in {self.name}"
        documents = await self._request("GET", _dead_letter(call_id), headline, params=_of(function))
        return DeadLetter.from_json(documents[-1])

    async def redrive(self, call_id: str | None = None, function: str = "") -> int:
        """Queue dead letters again, those of one id or all; return how many.

        Raises:
            GatewayError: The call has none.
        """
        body = {} if call_id is None else {"callId": _check_call_id(call_id), **_of(function)}
        headline = f"could not redrive the dead letters of {self.name}"
        return int((await self._request("POST", "/dead-letters/redrive", headline, json=body))["redriven"])

    async def purge(self, call_id: str | None = None, function: str = "") -> int:
        """Delete dead letters, those of one id or all; return how many.

        Raises:
            GatewayError: The call has none.
        """
        path = "/dead-letters" if call_id is None else _dead_letter(call_id)
        headline = f"could not delete the dead letters of {self.name}"
        return int((await self._request("DELETE", path, headline, params=_of(function)))["purged"])

    @guarded
    async def cancel_calls(self) -> int:
        """Cancel all calls in it, running ones included; return how many.

        Raises:
            GatewayError: There is no such queue, or nats-server is
                unavailable.
        """
        return await cancel_calls(self._gateway, self.name)

    @guarded
    async def _request(self, /, method: str, path: str, headline: str, **options: Any) -> Any:
        return await self._gateway.json(method, self._path + path, headline, **options)


def _dead_letter(call_id: str) -> str:
    return f"/dead-letters/{quote(_check_call_id(call_id), safe='')}"


def _of(function: str) -> dict[str, str]:
    return {"function": function} if function else {}


def _check_call_id(call_id: str) -> str:
    if not call_id:  # must not mean all calls
        raise InvalidValueError("the call id is empty", expected="a call's id, or no argument for all calls")
    return call_id


def _figure(name: str, doc: str) -> property:
    return property(lambda queue: getattr(queue.status(), name), doc=doc)


class Queue:
    """The queue ``name``; each access to a figure asks the lab."""

    def __init__(self, async_queue: AsyncQueue) -> None:
        self.name = async_queue.name
        self._async = async_queue

    status = blocking(AsyncQueue.status)
    dead_letters = blocking(AsyncQueue.dead_letters)
    dead_letter = blocking(AsyncQueue.dead_letter)
    redrive = blocking(AsyncQueue.redrive)
    purge = blocking(AsyncQueue.purge)
    cancel_calls = blocking(AsyncQueue.cancel_calls)
    _set_max_inflight = blocking(AsyncQueue.set_max_inflight)

    pending = _figure("pending", "Calls that no worker has received yet.")
    in_flight = _figure("in_flight", "Calls that are running.")
    waiting_for_retry = _figure(
        "waiting_for_retry", "Calls that failed and are scheduled for another attempt."
    )
    oldest_seconds = _figure("oldest_seconds", "Age of the oldest call that is not done; 0 if there is none.")
    redelivered = _figure("redelivered", "Calls that are not done and were delivered more than once.")
    submitted = _figure("submitted", "Calls that were ever queued.")
    dead = _figure("dead", "Stored dead letters.")
    workers = _figure("workers", "The queue-workers that serve it.")

    @property
    def max_inflight(self) -> int:
        """Calls that each of its workers runs at once; outlives a restart."""
        return self.status().max_inflight

    @max_inflight.setter
    def max_inflight(self, count: int) -> None:
        self._set_max_inflight(count)

    def row(self) -> tuple[str, ...]:
        """Return its row of a table of queues."""
        return self.status().row()

    def __repr__(self) -> str:
        return repr(QueueList([self]))

    def _repr_html_(self) -> str:
        return QueueList([self])._repr_html_()


class QueueList(TableList[Queue]):
    """Queues, shown as a table."""

    heading = HEADING
