"""The lab as a learner has it: ``lab = Lab.start()``."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.lab.async_lab import AsyncLab, ResetReport
from labkit.lab.background_loop import hub
from labkit.lab.calling import Calling
from labkit.lab.drills import Drills
from labkit.lab.flavours import blocking, lend
from labkit.supervisor.settings import GATEWAY_PORT, INSPECTOR_PORT, MAX_WORKERS, Settings
from labkit.workspace import Workspace
from labkit_services.contract.numbers import whole_number
from labkit_services.contract.queues import MAX_INFLIGHT

_OVERTIME_SECONDS = 5.0
"""The deadline inside comes first, because it knows more; the hub's own is the net below it."""
_ANSWER_SECONDS = 10.0


class Lab(Calling, Drills):
    """A small, real OpenFaaS on this machine.

    Every method waits until it is done, with a deadline; ``lab.aio`` has the same
    methods as coroutines. Jupyter's stop button ends the waiting, not the lab.
    """

    def __init__(self, core: AsyncLab) -> None:
        self._core = core

    @classmethod
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
        gateway_port: int = GATEWAY_PORT,
        inspector_port: int = INSPECTOR_PORT,
        environment: Mapping[str, str] | None = None,
        attach: bool = True,
        timeout: float = 10.0,
    ) -> Self:
        """Attach to the workspace's running lab, or start one that lives as long as this process.

        Calling it again returns the same lab. Of the settings, only
        ``max_inflight`` is applied to a lab that runs already.

        Args:
            workspace: Its folder; by default the one that the current folder belongs to.
            max_inflight: Calls that a queue-worker runs at once; 1 unless said otherwise.
            workers: How many queue-workers.
            max_retry_attempts: How often a call is tried; functions' annotations win. OpenFaaS Pro's is 10.
            initial_retry_wait: Before the second attempt; doubled each time. Pro's is ``10s``.
            max_retry_wait: The longest of these waits. Pro's is ``120s``.
            ack_wait: How long a delivery is the worker's before it is given out again, such as ``30s``.
            sync_interval: ``always`` has the queue written through to the disk before each 202.
            gateway_port: Used if free, else another; 0 means any.
            inspector_port: The same for the inspector.
            environment: More settings for the services, in OpenFaaS's spelling.
            attach: Whether a running lab will do.
            timeout: Seconds to ready.

        Raises:
            InvalidValueError: A setting is out of range.
            LabError: No lab could be had; nothing is left behind but its logs.
        """
        settings = _settings(
            workspace,
            max_inflight=whole_number(
                "max_inflight", 1 if max_inflight is None else max_inflight, MAX_INFLIGHT
            ),
            workers=whole_number("workers", workers, MAX_WORKERS),
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

        async def start() -> AsyncLab:
            core = await AsyncLab.start(settings, attach=attach)
            if max_inflight is not None and (await core.status()).max_inflight != max_inflight:
                await core.set_max_inflight(max_inflight)
            return core

        return cls(hub().run(start(), timeout + CHANGE_SECONDS + _OVERTIME_SECONDS))

    @classmethod
    def attach(cls, workspace: str | PathLike[str] | None = None) -> Self:
        """Attach to the workspace's running lab.

        Raises:
            NoLabError: None runs.
        """
        return cls(hub().run(AsyncLab.attach(_workspace(workspace)), _ANSWER_SECONDS))

    @property
    def aio(self) -> AsyncLab:
        """The same methods as coroutines, to be awaited on any loop."""
        return lend(self._core)

    @property
    def gateway_url(self) -> str:
        """Where OpenFaaS's API is."""
        return self._core.state.gateway_url

    @property
    def inspector_url(self) -> str:
        """Where callbacks can be sent to and looked at."""
        return self._core.state.inspector_url

    @property
    def workspace(self) -> Path:
        """The folder that the lab belongs to."""
        return self._core.workspace.root

    stop = blocking(AsyncLab.stop)

    def reset(self) -> ResetReport:
        """Make the lab as new, from whatever state: no function, no call, no event; images stay."""
        begin = time.monotonic()
        self._core = hub().run(self._core.reset(), 2 * CHANGE_SECONDS + _OVERTIME_SECONDS)
        return ResetReport(time.monotonic() - begin)

    status = blocking(AsyncLab.status)
    restart = blocking(AsyncLab.restart)
    kill = blocking(AsyncLab.kill)
    scale_workers = blocking(AsyncLab.scale_workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        # Only what stays the same from run to run: notebooks are tested by their output.
        return repr(self._core)

    def _repr_html_(self) -> str:
        links = " · ".join(
            f'{name} <a href="{html.escape(page)}" target="_blank"><code>{html.escape(url)}</code></a>'
            for name, url, page in (
                ("gateway", self.gateway_url, self.gateway_url),
                ("inspector", self.inspector_url, self._core.state.inspector_page),
            )
        )
        return f"<p><b>The lab is ready.</b> {links}</p>"


def _workspace(folder: str | PathLike[str] | None) -> Workspace:
    if folder is None:
        return Workspace.find()
    return Workspace(Path(folder).expanduser().resolve())


def _settings(folder: str | PathLike[str] | None, **settings: Any) -> Settings:
    return Settings(workspace=str(_workspace(folder).root), **settings)
