"""An asynchronous call of an OpenFaaS that is not the lab's own."""

from __future__ import annotations

import time
from typing import Any

from labkit.clients.gateway import CALL_SECONDS, FunctionResponse
from labkit.clients.http_client import expect
from labkit.clients.lab_watch import guarded
from labkit.errors import NoResultError
from labkit.lab.call import AsyncCallHandle
from labkit.remote.connections import RemoteConnections
from labkit.remote.not_here import not_here
from labkit_services.call_record.attribution import CallOutcome
from labkit_services.call_record.log import Call, CallLog
from labkit_services.contract.headers import CALLBACK_URL


class AsyncRemoteCall(AsyncCallHandle):
    """A call of which the callback alone tells the end."""

    def __init__(
        self, connections: RemoteConnections, call_id: str, function: str = "", seconds: float = 0.0
    ) -> None:
        super().__init__(connections, call_id, function, seconds)
        self._remote = connections

    @guarded
    async def status(self) -> Call:
        """Return what this process knows about the call now."""
        call = self._remote.calls.log.get(self.id, self.function)
        if call is None:
            raise not_here(
                f"The status of call {self.id}",
                "a call that this process has made",
                "an OpenFaaS, which has no status of a call by its id",
            )
        return call

    @guarded
    async def wait(self, timeout: float = CALL_SECONDS) -> Call:
        """Return the finished call once its callback has come.

        Raises:
            LabTimeoutError: It took longer; says how to check the way of the
                callback.
            NotAvailableError: It is not a call of this process, or its
                callback goes elsewhere.
        """
        call = await self.status()
        if not call.is_settled and (elsewhere := self._remote.remote.callbacks_elsewhere.get(self.id)):
            raise not_here(
                f"The end of call {self.id}",
                f"a callback to a bin of this lab, such as {self._remote.remote.callback_url}",
                f"{CALLBACK_URL}: {elsewhere}, which this lab does not see",
                next_step="leave the callback out, or use a bin: callback=lab.bin('callbacks')",
            )
        return await self._find(lambda call: call.is_settled, timeout, "the callback of")

    def _describe(self, log: CallLog) -> str:
        call = log.get(self.id, self.function)
        if call is None or call.answered is None:
            return "the gateway has not answered it"
        seconds = (time.time_ns() - call.answered) / 1e9
        return (
            f"it was accepted with {call.accepted}, {seconds:.1f} s ago, and no callback has come to "
            f"{self._remote.bins_url}; whether it waits or runs is not known"
        )

    @guarded
    async def result(self, timeout: float = CALL_SECONDS) -> FunctionResponse:
        """Return the function's response, success or failure.

        Raises:
            LabTimeoutError: No callback came in time.
            NoResultError: The receiver does not hold the callback any more.
        """
        began = time.monotonic()
        call = await self.wait(timeout)
        seconds = time.monotonic() - began
        for captured in reversed(call.captured):
            filters = {"call_id": self.id, "order": "newest", "limit": 10}
            for request in await self._remote.inspector.requests(captured.bin, **filters):
                if request.id == captured.request:
                    headers = {name.lower(): value for name, value in request.headers}
                    status = request.function_status or 0
                    return FunctionResponse(status, request.body, headers, self.id, seconds)
        raise NoResultError(
            f"the result of call {self.id} is no longer stored",
            expected="one of the last 10,000 results",
            seen=f"the call is {call.state}",
            next_step="make the call again",
        )

    async def document(self, wait: float = 0.0) -> dict[str, Any]:
        """Raise NotAvailableError: OpenFaaS has no status of a call by id."""
        raise not_here(f"The gateway's status of call {self.id}", "the lab's call status service")

    async def explain(self) -> CallOutcome:
        """Raise NotAvailableError: the hops of the call are not known."""
        raise not_here(f"What decided call {self.id}", "the events of the lab's services")

    @guarded
    async def cancel(self) -> None:
        """Cancel the call; OpenFaaS Pro can, the community edition can't.

        Raises:
            NotAvailableError: This OpenFaaS can't.
        """
        response = await self._gateway.request("DELETE", self._path)
        if response.status_code in (404, 405):
            raise not_here(
                f"Cancelling call {self.id}",
                "OpenFaaS Pro, or the lab's own gateway",
                f"{response.status_code}",
            )
        expect(response, f"call {self.id} was not cancelled", 202)
