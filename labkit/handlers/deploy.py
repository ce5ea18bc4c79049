"""Build and deploy a function with the lab's faas-cli."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.clients.gateway import GatewayClient
from labkit.handlers.errors import HandlerStartError
from labkit.handlers.faas_cli import run_faas_cli
from labkit.handlers.folder import HandlerFolder
from labkit.handlers.source import check_source
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.handlers.start import wait_until_started
from labkit.lifecycle import environment
from labkit.workspace import LabState, Workspace

FOLDER = "my-functions"
"""Of the workspace: the learner's functions, in the layout of faas-cli."""

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class HandlerDeployer:
    """Deploys functions from Python source into one lab."""

    workspace: Workspace
    state: LabState
    gateway: GatewayClient
    on_step: OnStep = lambda _: None

    async def deploy(self, spec: HandlerSpec, relay: HandlerSpec | None = None) -> HandlerDeployment:
        """Write, build and deploy; return when a replica takes calls.

        Args:
            spec: The learner's function, which is written to the workspace.
            relay: Deployed in its place; it passes the calls on.

        Raises:
            HandlerSourceError: The code can't be used; nothing was written.
            HandlerBuildError: faas-cli failed.
            HandlerStartError: It does not start. An earlier version of the
                function goes on; a new function is removed.
        """
        began = time.monotonic()
        check_source(spec)
        root = self.workspace.root / FOLDER
        self.on_step(f"writing {FOLDER}/{spec.name}")
        folder = self._folder(root)
        kept = await folder.write(spec)
        if relay is None:
            await self._up(root, spec)
        else:
            with tempfile.TemporaryDirectory(prefix="labkit-relay-") as scratch:
                await self._folder(Path(scratch)).write(relay)
                await self._up(Path(scratch), relay)
        deployment = HandlerDeployment(spec.name, folder.handler(spec.name), time.monotonic() - began)
        return replace(deployment, debug=relay is not None, kept=kept)

    async def _up(self, folder: Path, spec: HandlerSpec) -> None:
        existed = (await self.gateway.request("GET", f"/system/function/{spec.name}")).status_code == 200
        since_ns = time.time_ns()
        self.on_step("building and deploying")
        await self._faas_cli(["up", "--skip-push", "--filter", spec.name, *_flags(spec)], folder)
        self.on_step("starting")
        try:
            await wait_until_started(self.gateway, spec, since_ns)
        except HandlerStartError as error:
            if existed:
                error.next_step += "; until then the version before goes on answering"
            else:
                await self.gateway.remove(spec.name)
                error.next_step += "; it is not deployed"
            raise

    def _folder(self, root: Path) -> HandlerFolder:
        return HandlerFolder(root, lambda words: self._faas_cli(words, root))

    async def _faas_cli(self, words: Sequence[str], folder: Path) -> str:
        return await run_faas_cli(words, folder, environment.variables(self.state, self.workspace))


def _flags(spec: HandlerSpec) -> Iterator[str]:
    for flag, pairs in (("env", spec.env), ("label", spec.labels), ("annotation", spec.annotations)):
        for name, value in pairs.items():
            yield from (f"--{flag}", f"{name}={value}")
    for secret in spec.secrets:
        yield from ("--secret", secret)
