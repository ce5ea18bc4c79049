"""The connections of one handle to an OpenFaaS that is not the lab's own."""

from __future__ import annotations

from labkit.clients.connections import Connections, log_failed_task
from labkit.clients.lab_watch import LabWatch
from labkit.remote.address import RemoteAddress
from labkit.remote.callback_receiver import RESULTS_BIN, CallbackReceiver
from labkit.remote.gateway_client import RemoteGatewayClient
from labkit.remote.observed_calls import ObservedCalls
from labkit.workspace import LabState
from labkit_services.runtime.background_tasks import BackgroundTasks


class RemoteConnections(Connections):
    """Clients of a gateway elsewhere and of this process's own receiver.

    Attributes:
        calls: What this process knows of its calls.
        receiver: Where callbacks come in.
    """

    can_cancel = False

    def __init__(
        self, state: LabState, watch: LabWatch, address: RemoteAddress, receiver: CallbackReceiver
    ) -> None:
        super().__init__(state, watch)
        self.bins_url = receiver.address.bins
        self.receiver = receiver
        self.calls = ObservedCalls(
            f"check that the OpenFaaS reaches {self.bins_url}: from its machine, "
            f"curl {self.bins_url}/healthz; if it does not: Lab.connect(…, callback_url=…) "
            "or the variable LABKIT_CALLBACK_URL"
        )
        self.remote = RemoteGatewayClient(address, self.calls)
        self.remote.callback_url = f"{self.bins_url}/r/{RESULTS_BIN}"
        self.gateway = self.remote
        self._following = BackgroundTasks(log_failed_task)

    def start(self) -> None:
        """Note callbacks from now on."""
        self._following.start(self.receiver.follow(self.inspector, self.calls), name="follow callbacks")

    def follow_events(self) -> None:
        """Do nothing: what is sent is noted as it is sent."""

    async def call_events(self) -> ObservedCalls:
        """Return what this process knows of its calls."""
        return self.calls

    async def drop_events(self) -> None:
        """Forget all calls."""
        self.calls.clear()

    async def close(self) -> None:
        """Close all connections, and end the receiver."""
        await self._following.cancel()
        try:
            await super().close()
        finally:
            await self.receiver.stop()
