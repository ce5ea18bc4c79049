"""The functions of one lab that this process made from Python source."""

from __future__ import annotations

from dataclasses import replace

from labkit.clients.caller import describe_caller
from labkit.clients.gateway import GatewayClient
from labkit.handlers.debug_handler import DebugHandler
from labkit.handlers.debug_server import DebugServer
from labkit.handlers.deploy import HandlerDeployer, OnStep
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.workspace import LabState, Workspace


class LabHandlers:
    """Deploys them, and has what this process keeps of them.

    Attributes:
        callbacks: By function, where this process has its asynchronous calls
            post their results, unless a call names another place.
    """

    def __init__(self, workspace: Workspace, state: LabState, gateway: GatewayClient) -> None:
        self.callbacks: dict[str, str] = {}
        self._deployer = HandlerDeployer(workspace, state, gateway)
        self._debug = DebugServer()

    async def deploy(
        self,
        spec: HandlerSpec,
        *,
        callback: str = "",
        handler: DebugHandler | None = None,
        on_step: OnStep = lambda _: None,
    ) -> HandlerDeployment:
        """Deploy a function; return when a replica takes calls.

        With a ``handler``, that takes its calls in this process; what is
        deployed passes them on. Nothing is left of a failed deployment.
        """
        was_debugged = spec.name in self._debug
        relay = None if handler is None else await self._debug.add(handler, spec, describe_caller())
        try:
            deployment = await replace(self._deployer, on_step=on_step).deploy(spec, relay)
        except BaseException:
            if not was_debugged:
                await self._debug.discard(spec.name)
            raise
        if handler is None:
            await self._debug.discard(spec.name)
        self.callbacks.pop(spec.name, None)
        if callback:
            self.callbacks[spec.name] = callback
        return replace(deployment, callback=callback)

    async def forget(self, name: str) -> None:
        """Forget a function that is removed."""
        self.callbacks.pop(name, None)
        await self._debug.discard(name)

    async def close(self) -> None:
        """Forget all functions: the lab is reset or ends."""
        self.callbacks.clear()
        await self._debug.close()
