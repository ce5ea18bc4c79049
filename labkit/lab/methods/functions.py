"""Functions: deploy, scale and remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.clients.lab_watch import guarded
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.lab.arguments import checked
from labkit.lab.background_loop import blocking
from labkit.lab.bin import AsyncBin, Bin
from labkit.lab.methods.parts import LabParts


class AsyncLabFunctions(LabParts):
    """``LabFunctions``, as coroutines."""

    @guarded
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
        """Deploy a function, or update it if it exists.

        Args:
            name: Lower-case letters, digits and dashes.
            fprocess: Command to run for every call, such as ``sleep 1``; split
                at blanks, no shell.
            image: An image that ``faas-cli build`` made, or a well-known one.
            env: Environment of the process.
            labels: OpenFaaS labels, such as ``com.openfaas.scale.max``.
            annotations: OpenFaaS annotations, such as ``com.openfaas.queue``.

        Raises:
            GatewayError: The gateway rejected it; gives the reason.
        """
        deployment = {
            "service": name,
            # Without an image, the command only needs a small system to run
            # on.
            "image": image or "functions/alpine:latest",
            "envProcess": fprocess,
            "envVars": dict(env or {}),
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        }
        await self.connections.gateway.deploy(deployment)

    async def deploy_flaky(
        self, name: str = "flaky", *, failures: int = 2, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Deploy a function that fails in its first attempts at a call.

        After ``failures`` attempts it echoes the call's body. It reads
        ``X-Attempt``, which the queue-worker sends; every synchronous call is
        a first attempt.

        Args:
            name: The function's name.
            failures: How many attempts fail. With as many as there are
                attempts, the call dies.
            annotations: OpenFaaS annotations, such as
                ``com.openfaas.retry.min_wait``.
        """
        await self.deploy(name, fprocess="flaky", env={"failures": str(failures)}, annotations=annotations)

    @guarded
    async def deploy_handler(
        self,
        name: str,
        source: str,
        *,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        callback: str | AsyncBin | Bin = "",
    ) -> HandlerDeployment:
        """Deploy a function from Python source, as ``Lab.deploy_handler``."""
        spec = HandlerSpec(name, source, env or {}, labels or {}, annotations or {}, secrets)
        return await self.handlers.deploy(spec, callback=str(callback))

    @guarded
    async def remove(self, name: str) -> bool:
        """Remove a function; return whether it existed."""
        if self._handlers is not None:
            await self._handlers.forget(name)
        return await self.connections.gateway.remove(name)

    @guarded
    async def scale(self, name: str, replicas: int) -> None:
        """Scale a function to ``replicas`` processes, from 0 to 20."""
        await self.connections.gateway.scale(name, replicas)

    @guarded
    async def functions(self) -> list[dict[str, Any]]:
        """Return every function's status, as OpenFaaS describes it."""
        return await self.connections.gateway.functions()


class LabFunctions:
    """Functions: deploy, scale and remove them."""

    _async: AsyncLabFunctions

    deploy = blocking(AsyncLabFunctions.deploy)
    deploy_flaky = blocking(AsyncLabFunctions.deploy_flaky)

    @checked
    def deploy_handler(
        self,
        name: str,
        source: str,
        *,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        callback: str | Bin = "",
        debug: bool = False,
    ) -> HandlerDeployment:
        """Deploy a function from Python source; in a cell, ``%%function``.

        The source defines ``handle(event, context)``, as in OpenFaaS's
        template ``python3-http``. It is written to ``my-functions/NAME`` of
        the workspace, beside a ``stack.yaml``, and built and deployed with
        ``faas-cli``. A function of that name is replaced.

        Args:
            name: Lower-case letters, digits and dashes.
            source: The code.
            env: Environment of its process.
            labels: OpenFaaS labels.
            annotations: OpenFaaS annotations.
            secrets: Names of secrets that it may read.
            callback: A bin or a URL: ``invoke_async`` of this process sends it
                as ``X-Callback-Url`` unless a call names another. OpenFaaS has
                no callback of a function: other clients send the header.
            debug: Run the handler in this process, for ``print`` and
                ``breakpoint()``: in the main thread while that waits for the
                lab, else in a thread of its own.

        Raises:
            HandlerSourceError: The code can't be used.
            HandlerBuildError: faas-cli failed.
            HandlerStartError: The function does not start.
        """
        from labkit.lab.handler_functions import debug_handler, deploy_function  # few notebooks need it

        spec = HandlerSpec(name, source, env or {}, labels or {}, annotations or {}, secrets)
        handler = debug_handler(spec, f"<{name}>", name) if debug else None
        return deploy_function(self._async, spec, callback=str(callback), handler=handler)

    remove = blocking(AsyncLabFunctions.remove)
    scale = blocking(AsyncLabFunctions.scale)
    functions = blocking(AsyncLabFunctions.functions)
