"""A queue: its figures, its ``max_inflight``, and its dead letters."""

from __future__ import annotations

from urllib.parse import quote

from labkit.clients.gateway import GatewayClient, expect
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import InvalidValueError
from labkit.lab.background_loop import blocking, loop_bound
from labkit.views.dead_letters import DeadLetter, DeadLetters
from labkit.views.queue_status import HEADING, QueueStatus, WorkerStatus
from labkit.views.tables import html_table, text_table
from labkit_services.contract.queues import check_queue_name


@loop_bound
class AsyncQueue:
    """A queue, as coroutines; ``name`` is its name."""

    def __init__(self, name: str, gateway: GatewayClient, supervisor: SupervisorClient) -> None:
        self.name = check_queue_name(name)
        self._gateway = gateway
        self._supervisor = supervisor
        self._path = f"/system/queues/{name}"

    async def status(self) -> QueueStatus:
        """Return its figures now.

        Raises:
            GatewayError: There is no such queue, or nats-server is unavailable.
        """
        response = await self._gateway.request("GET", self._path)
        headline = f"could not read the status of queue {self.name}"
        return QueueStatus.from_json(expect(response, headline, 200).json())

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
        response = await self._gateway.request("GET", f"{self._path}/dead-letters", params={"limit": limit})
        expect(response, f"could not read the dead letters of {self.name}", 200)
        return DeadLetters(map(DeadLetter.from_json, response.json()))

    async def dead_letter(self, call_id: str) -> DeadLetter:
        """Return the newest dead letter of one call.

        Raises:
            GatewayError: There is none.
        """
        response = await self._gateway.request("GET", self._dead_letter_path(call_id))
        expect(response, f"call {call_id} has no dead letter in {self.name}", 200)
        return DeadLetter.from_json(response.json()[-1])

    async def redrive(self, call_id: str | None = None) -> int:
        """Queue dead letters again, those of one call or all; return how many.

        Raises:
            GatewayError: The call has none.
        """
        body = {} if call_id is None else {"callId": _check_call_id(call_id)}
        response = await self._gateway.request("POST", f"{self._path}/dead-letters/redrive", json=body)
        expect(response, f"could not redrive the dead letters of {self.name}", 200)
        return int(response.json()["redriven"])

    async def purge(self, call_id: str | None = None) -> int:
        """Delete dead letters, those of one call or all; return how many.

        Raises:
            GatewayError: The call has none.
        """
        path = f"{self._path}/dead-letters" if call_id is None else self._dead_letter_path(call_id)
        response = await self._gateway.request("DELETE", path)
        expect(response, f"could not delete the dead letters of {self.name}", 200)
        return int(response.json()["purged"])

    def _dead_letter_path(self, call_id: str) -> str:
        return f"{self._path}/dead-letters/{quote(_check_call_id(call_id), safe='')}"


def _check_call_id(call_id: str) -> str:
    """Return a call id; an empty one must not mean all calls.

    Raises:
        InvalidValueError: It is empty.
    """
    if not call_id:
        raise InvalidValueError("the call id is empty", expected="a call's id, or no argument for all calls")
    return call_id


class Queue:
    """The queue ``name``; each access to a figure asks the lab."""

    def __init__(self, async_queue: AsyncQueue) -> None:
        self.name = async_queue.name
        self._async_queue = async_queue

    status = blocking(AsyncQueue.status, on="_async_queue")
    dead_letters = blocking(AsyncQueue.dead_letters, on="_async_queue")
    dead_letter = blocking(AsyncQueue.dead_letter, on="_async_queue")
    redrive = blocking(AsyncQueue.redrive, on="_async_queue")
    purge = blocking(AsyncQueue.purge, on="_async_queue")
    _set_max_inflight = blocking(AsyncQueue.set_max_inflight, on="_async_queue")

    @property
    def pending(self) -> int:
        """Calls that no worker has received yet."""
        return self.status().pending

    @property
    def in_flight(self) -> int:
        """Calls that are running."""
        return self.status().in_flight

    @property
    def waiting_for_retry(self) -> int:
        """Calls that failed and are scheduled for another attempt."""
        return self.status().waiting_for_retry

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest call that is not done; 0 if there is none."""
        return self.status().oldest_seconds

    @property
    def redelivered(self) -> int:
        """Calls that are not done and were delivered more than once."""
        return self.status().redelivered

    @property
    def submitted(self) -> int:
        """Calls that were ever queued."""
        return self.status().submitted

    @property
    def dead(self) -> int:
        """Stored dead letters."""
        return self.status().dead

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        """The queue-workers that serve it."""
        return self.status().workers

    @property
    def max_inflight(self) -> int:
        """Calls that each of its workers runs at once; outlives a restart."""
        return self.status().max_inflight

    @max_inflight.setter
    def max_inflight(self, count: int) -> None:
        self._set_max_inflight(count)

    def __repr__(self) -> str:
        return repr(QueueList([self]))

    def _repr_html_(self) -> str:
        return QueueList([self])._repr_html_()


class QueueList(list[Queue]):
    """Queues, shown as a table."""

    def _rows(self) -> list[tuple[str, ...]]:
        return [HEADING, *(queue.status().row() for queue in self)]

    def __repr__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())
