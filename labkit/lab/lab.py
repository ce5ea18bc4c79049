"""``Lab``: a lab for notebooks and scripts; ``lab = Lab.start()``."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

from labkit.clients.caller import load_ipython_extension
from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.lab.arguments import checked
from labkit.lab.async_lab import AsyncLab
from labkit.lab.background_loop import GRACE_SECONDS, MANAGE_SECONDS, background_loop, proxy
from labkit.lab.methods.bins import LabBins
from labkit.lab.methods.calls import LabCalls
from labkit.lab.methods.faults import LabFaultInjection
from labkit.lab.methods.functions import LabFunctions
from labkit.lab.methods.notebook import LabNotebook
from labkit.lab.methods.queues import LabQueues
from labkit.lab.methods.services import LabServices
from labkit.lab.methods.teaching import LabTeaching
from labkit.lab.methods.views import LabViews
from labkit.notebook_copies.copies import NotebookCopies
from labkit.supervisor.settings import Settings
from labkit.teaching.cells import RUN_CELLS
from labkit.workspace import Workspace

_ATTACH_SECONDS = 10.0


@dataclass(frozen=True)
class ResetReport:
    """How many ``seconds`` a ``lab.reset()`` took."""

    seconds: float

    def __repr__(self) -> str:
        return f"The lab was reset in {self.seconds:.1f} s: no functions, no calls, no events."


class Lab(
    LabServices,
    LabFunctions,
    LabCalls,
    LabBins,
    LabQueues,
    LabFaultInjection,
    LabViews,
    LabNotebook,
    LabTeaching,
):
    """A small, real OpenFaaS on this machine.

    Every method waits until it is done, with a deadline; ``lab.aio`` has them
    as coroutines, except plots, ``folder`` and ``fresh_copy``. Jupyter's stop
    button ends the waiting, not the lab.
    """

    _async: AsyncLab

    def __init__(self, async_lab: AsyncLab) -> None:
        self._async = async_lab

    @classmethod
    @checked
    def start(
        cls,
        workspace: str | PathLike[str] | None = None,
        *,
        max_inflight: int | None = None,
        workers: int = 1,
        max_retry_attempts: int = 3,
        initial_retry_wait: str = "1s",
        max_retry_wait: str = "10s",
        ack_wait: str = "",
        sync_interval: str = "",
        gateway_port: int = Settings.gateway_port,
        inspector_port: int = Settings.inspector_port,
        environment: Mapping[str, str] | None = None,
        attach: bool = True,
        timeout: float = 10.0,
    ) -> Self:
        """Attach to the workspace's running lab, or start one.

        A lab that it starts ends with this process; in JupyterLab it ends with
        the server, so that other notebooks keep it when this one's kernel is
        restarted. Calling it again returns the same lab. Of the settings, only
        ``max_inflight`` is applied to a running lab, until its next reset,
        which restores the settings that the lab itself was started with.

        Args:
            workspace: Its folder; by default the one that the current folder
                belongs to.
            max_inflight: Calls that a queue-worker runs at once; 1 by default.
            workers: Number of queue-workers.
            max_retry_attempts: Attempts at a call; functions' annotations win.
                OpenFaaS Pro's default is 10.
            initial_retry_wait: Before the second attempt; doubled each time.
                Pro's default is ``10s``.
            max_retry_wait: The longest of these waits. Pro's default is
                ``120s``.
            ack_wait: Time without a sign of the worker until a call is
                redelivered, such as ``30s``.
            sync_interval: With ``always``, the queue is written through to the
                disk before each 202.
            gateway_port: Used if free, else another; 0 means any.
            inspector_port: The same for the inspector.
            environment: More settings for the services, with OpenFaaS's names.
            attach: Whether to attach to a running lab; else that is an error.
            timeout: Seconds until the lab is ready.

        Raises:
            InvalidValueError: A setting is out of range.
            LabError: The lab could not be started; only its logs are left
                behind.
        """
        load_ipython_extension()
        settings = Settings(
            workspace=str(Workspace.find(workspace).root),
            max_inflight=1 if max_inflight is None else max_inflight,
            workers=workers,
            max_retry_attempts=max_retry_attempts,
            initial_retry_wait=initial_retry_wait,
            max_retry_wait=max_retry_wait,
            ack_wait=ack_wait,
            sync_interval=sync_interval,
            gateway_port=gateway_port,
            inspector_port=inspector_port,
            environment=dict(environment or {}),
            timeout=timeout,
        )

        async def start() -> tuple[AsyncLab, tuple[str, ...]]:
            lab = await AsyncLab.start(settings, attach=attach)
            status = await lab.status()
            if max_inflight is not None and status.max_inflight != max_inflight:
                await lab.set_max_inflight(max_inflight)
            return lab, status.damage

        lab, damage = background_loop().run(start(), timeout + CHANGE_SECONDS + GRACE_SECONDS)
        for finding in damage:
            warnings.warn(f"damaged store: {finding}", stacklevel=2)
        # Jupyter's server names the running notebook.
        notebook = os.environ.get("JPY_SESSION_NAME", "")
        if notebook and (news := NotebookCopies(lab.workspace).news_of(Path(notebook))):
            warnings.warn(news, stacklevel=2)
        return cls(lab)

    @classmethod
    @checked
    def attach(cls, workspace: str | PathLike[str] | None = None) -> Self:
        """Attach to the workspace's running lab.

        Raises:
            NoLabError: No lab is running.
        """
        load_ipython_extension()
        return cls(background_loop().run(AsyncLab.attach(Workspace.find(workspace)), _ATTACH_SECONDS))

    @property
    def aio(self) -> AsyncLab:
        """The same methods as coroutines, for any event loop."""
        return proxy(self._async)

    @property
    def gateway_url(self) -> str:
        """Address of OpenFaaS's API."""
        return self._async.state.gateway_url

    @property
    def inspector_url(self) -> str:
        """Address of the inspector, which captures callbacks."""
        return self._async.state.inspector_url

    @property
    def workspace(self) -> Path:
        """The folder that the lab belongs to."""
        return self._async.workspace.root

    @checked
    def stop(self, *, force: bool = False) -> None:
        """Stop the lab if it ends with this process, else detach; idempotent.

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        background_loop().run(self._async.stop(force=force), MANAGE_SECONDS + GRACE_SECONDS, cancels=False)

    @checked
    def reset(self) -> ResetReport:
        """Delete all functions, queued calls, events and bins; keep images.

        Every ``max_inflight`` and the number of queue-workers are again as
        the lab was started with them, and every fault ends.
        A lab that is not running any more is started again.
        """
        begin = time.monotonic()
        timeout = 2 * CHANGE_SECONDS + GRACE_SECONDS
        self._async = background_loop().run(self._async.reset(), timeout, cancels=False)
        RUN_CELLS.clear()
        return ResetReport(time.monotonic() - begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        # Only what stays the same from run to run: notebooks are tested by
        # their output.
        return repr(self._async)
