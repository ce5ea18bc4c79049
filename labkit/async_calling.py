"""Calling functions and seeing what became of it, as coroutines: one half of ``AsyncLab``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labkit.answer import Answer
from labkit.bins import Bin
from labkit.clients import Clients
from labkit.errors import ServiceError
from labkit.gateway import CALL_SECONDS, Body
from labkit.measurement import Measurement
from labkit.measuring import OnProgress
from labkit.workspace import Workspace
from services.contract.calls import Call, CallLog, Mode
from services.contract.errors import InvalidValueError
from services.contract.names import DEFAULT_QUEUE
from services.contract.queues import worker_control_subject

RUN_SECONDS = 120.0
"""Patience for a whole run of calls."""

LOG_NAMES = ("gateway", "queue-worker", "inspector", "nats-server", "supervisor")


class AsyncCalling:
    """What a learner does with a lab that is ready."""

    clients: Clients
    workspace: Workspace

    async def deploy(
        self,
        name: str,
        *,
        fprocess: str = "",
        image: str = "",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Deploy a function, or update it."""
        await self.clients.gateway.deploy(
            name, fprocess=fprocess, image=image, env=env, labels=labels, annotations=annotations
        )

    async def remove(self, name: str) -> bool:
        """Remove a function; return whether there was one."""
        return await self.clients.gateway.remove(name)

    async def functions(self) -> list[dict[str, Any]]:
        """Return every function's status."""
        return await self.clients.gateway.functions()

    async def invoke(
        self, name: str, body: Body = b"", *, timeout: float = CALL_SECONDS, **options: Any
    ) -> Answer:
        """Call a function and wait for its answer."""
        await self.clients.feed()
        return await self.clients.gateway.invoke(name, body, patience=timeout, **options)

    async def invoke_async(
        self,
        name: str,
        body: Body = b"",
        *,
        callback: str | Bin = "",
        timeout: float = CALL_SECONDS,
        **options: Any,
    ) -> Answer:
        """Have a call queued; return the gateway's 202."""
        await self.clients.feed()
        return await self.clients.gateway.invoke_async(
            name, body, callback=str(callback), patience=timeout, **options
        )

    async def wait_for_call(self, call_id: str, *, timeout: float) -> Call:
        """Return a call once nothing more will happen to it, its callback included."""

        def settled(log: CallLog) -> Call | None:
            call = log.get(call_id)
            return call if call is not None and call.is_settled else None

        feed = await self.clients.feed()
        return await feed.until(settled, timeout, expected=f"the end of call {call_id}")

    async def calls(self) -> list[Call]:
        """Return the calls of the record, oldest first."""
        feed = await self.clients.feed()
        await feed.caught_up()
        return list(feed.log.calls.values())

    async def measure(
        self,
        function: str,
        *,
        calls: int = 10,
        mode: Mode = "sync",
        body: Body = b"",
        wait: bool = True,
        timeout: float = RUN_SECONDS,
        on_progress: OnProgress = lambda _: None,
    ) -> Measurement:
        """Make a run of calls and return its record."""
        measuring = await self.clients.measuring()
        return await measuring.measure(
            function, calls=calls, mode=mode, body=body, wait=wait, patience=timeout, on_progress=on_progress
        )

    async def make_bin(self, name: str) -> None:
        """Create a request bin unless it is there."""
        await self.clients.inspector.create(name)

    async def ask_worker(self, count: int) -> int:
        """Have the running queue-worker work on so many calls at once; return the number in force."""
        feed = await self.clients.feed()
        request = json.dumps({"max_inflight": count}).encode()
        answer = json.loads(await feed.request(worker_control_subject(DEFAULT_QUEUE), request))
        if "error" in answer:
            raise InvalidValueError(answer["error"])
        return int(answer["max_inflight"])

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines of a service's log, or of a function's."""
        if name not in LOG_NAMES:
            return await self.clients.gateway.logs(name, tail=tail)
        file = self.workspace.logs / f"{name}.log"
        try:
            lines = file.read_text(errors="replace").splitlines()
        except OSError as error:
            raise ServiceError(f"{name} has no log", expected=str(file), seen=str(error.strerror)) from error
        return lines[-tail:]
