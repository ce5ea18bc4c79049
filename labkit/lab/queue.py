"""A queue: how full it is, how fast it is worked off, and what was given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from labkit.clients.gateway import GatewayClient, expect
from labkit.errors import InvalidValueError
from labkit.lab.flavours import OnHub, blocking
from labkit.views.dead_letters import DeadLetter, DeadLetters
from labkit.views.queue_status import HEADING, QueueStatus, WorkerStatus
from labkit.views.tables import html_table, text_table
from labkit_services.contract.queues import check_queue_name

Remember = Callable[[str, int], Awaitable[None]]
"""Has a queue's name and ``max_inflight`` kept for the workers' next start."""


class AsyncQueue(OnHub):
    """A queue, as coroutines.

    Attributes:
        name: Its name.
    """

    def __init__(self, gateway: GatewayClient, name: str, remember: Remember) -> None:
        self.name = check_queue_name(name)
        self._gateway = gateway
        self._remember = remember
        self._path = f"/system/queues/{name}"

    async def status(self) -> QueueStatus:
        """Return how it is now.

        Raises:
            GatewayError: There is no such queue, or nats-server is away.
        """
        response = await self._gateway.request("GET", self._path)
        expect(response, f"the queue {self.name} can't be looked at", 200)
        return QueueStatus.from_json(response.json())

    async def set_max_inflight(self, count: int) -> int:
        """Change how many calls each of its workers runs at once, now and after their next start.

        Raises:
            InvalidValueError: ``count`` is out of range.
            GatewayError: Nobody works on the queue.
        """
        response = await self._gateway.request("PUT", self._path, json={"maxInflight": count})
        if response.status_code == 400:
            raise InvalidValueError(response.text.strip())
        expect(response, f"max_inflight of {self.name} was not changed", 200)
        await self._remember(self.name, count)
        return count

    async def dead_letters(self, limit: int = 100) -> DeadLetters:
        """Return its dead letters, oldest first, at most ``limit`` (no more than 1000)."""
        response = await self._gateway.request("GET", f"{self._path}/dead-letters", params={"limit": limit})
        expect(response, f"the dead letters of {self.name} can't be looked at", 200)
        return DeadLetters(map(DeadLetter.from_json, response.json()))

    async def dead_letter(self, call_id: str) -> DeadLetter:
        """Return the newest dead letter of one call.

        Raises:
            GatewayError: There is none.
        """
        response = await self._gateway.request("GET", self._letter(call_id))
        expect(response, f"call {call_id} has no dead letter in {self.name}", 200)
        return DeadLetter.from_json(response.json()[-1])

    async def redrive(self, call_id: str | None = None) -> int:
        """Put dead letters back where they came from, those of one call or all; return how many.

        Raises:
            GatewayError: There is none of that call.
        """
        body = {} if call_id is None else {"callId": _said(call_id)}
        response = await self._gateway.request("POST", f"{self._path}/dead-letters/redrive", json=body)
        expect(response, f"nothing was put back into {self.name}", 200)
        return int(response.json()["redriven"])

    async def purge(self, call_id: str | None = None) -> int:
        """Throw dead letters away, those of one call or all; return how many there were.

        Raises:
            GatewayError: There is none of that call.
        """
        path = f"{self._path}/dead-letters" if call_id is None else self._letter(_said(call_id))
        response = await self._gateway.request("DELETE", path)
        expect(response, f"nothing was thrown away from {self.name}", 200)
        return int(response.json()["purged"])

    def _letter(self, call_id: str) -> str:
        return f"{self._path}/dead-letters/{quote(call_id, safe='')}"


def _said(call_id: str) -> str:
    """Return a call id; an empty one is a mistake, not a wish for all.

    Raises:
        InvalidValueError: It is empty.
    """
    if not call_id:
        raise InvalidValueError("the call id is empty", expected="a call's id, or no argument for all calls")
    return call_id


async def list_queues(gateway: GatewayClient) -> list[QueueStatus]:
    """Return every queue there is, by name.

    Raises:
        GatewayError: nats-server is away.
    """
    response = await gateway.request("GET", "/system/queues")
    expect(response, "the queues can't be listed", 200)
    return [QueueStatus.from_json(told) for told in response.json()]


class Queue:
    """A queue. Its figures are those of now: each look at one asks the lab."""

    def __init__(self, core: AsyncQueue) -> None:
        self._core = core

    status = blocking(AsyncQueue.status)
    dead_letters = blocking(AsyncQueue.dead_letters)
    dead_letter = blocking(AsyncQueue.dead_letter)
    redrive = blocking(AsyncQueue.redrive)
    purge = blocking(AsyncQueue.purge)
    _set_max_inflight = blocking(AsyncQueue.set_max_inflight)

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.name

    @property
    def pending(self) -> int:
        """Calls that nobody has taken yet."""
        return self.status().pending

    @property
    def in_flight(self) -> int:
        """Calls that run now."""
        return self.status().in_flight

    @property
    def waiting_for_retry(self) -> int:
        """Calls that failed and are put off."""
        return self.status().waiting_for_retry

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest call that is not done; 0 if there is none."""
        return self.status().oldest_seconds

    @property
    def redelivered(self) -> int:
        """Of all calls that are not done, how many were delivered more than once."""
        return self.status().redelivered

    @property
    def submitted(self) -> int:
        """Calls that were ever put in."""
        return self.status().submitted

    @property
    def dead(self) -> int:
        """Dead letters that are kept."""
        return self.status().dead

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        """Who works on it."""
        return self.status().workers

    @property
    def max_inflight(self) -> int:
        """Calls that each of its workers runs at once; set it while they run, and for their next start."""
        return self.status().max_inflight

    @max_inflight.setter
    def max_inflight(self, count: int) -> None:
        self._set_max_inflight(count)

    def __repr__(self) -> str:
        return text_table([HEADING, self.status().row()])

    def _repr_html_(self) -> str:
        return html_table([HEADING, self.status().row()])


class Queues(list[Queue]):
    """Every queue there is; shows itself as a table."""

    def _rows(self) -> list[tuple[str, ...]]:
        return [HEADING, *(queue.status().row() for queue in self)]

    def __repr__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())
