"""``Lab``: a lab for notebooks and scripts; ``lab = Lab.start()``."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

from labkit.clients.caller import load_ipython_extension
from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.default_settings import (
    chosen_nats,
    default_callback_url,
    default_functions,
    default_gateway,
)
from labkit.errors import InvalidValueError
from labkit.lab.arguments import checked
from labkit.lab.async_lab import AsyncLab
from labkit.lab.background_loop import GRACE_SECONDS, MANAGE_SECONDS, background_loop, proxy
from labkit.lab.methods.bins import LabBins
from labkit.lab.methods.calls import LabCalls
from labkit.lab.methods.faults import LabFaultInjection
from labkit.lab.methods.functions import LabFunctions
from labkit.lab.methods.load import LabLoad
from labkit.lab.methods.notebook import LabNotebook
from labkit.lab.methods.queues import LabQueues
from labkit.lab.methods.services import LabServices
from labkit.lab.methods.teaching import LabTeaching
from labkit.lab.methods.views import LabViews
from labkit.lab.notes import announced, settings_not_here
from labkit.language import translated
from labkit.notebook_copies.copies import NotebookCopies
from labkit.supervisor.settings import Settings
from labkit.teaching.cells import RUN_CELLS
from labkit.workspace import Workspace

_ATTACH_SECONDS = 10.0


@dataclass(frozen=True)
class ResetReport:
    """How many ``seconds`` a ``lab.reset()`` took.

    ``is_remote``: of an OpenFaaS elsewhere.
    """

    seconds: float
    is_remote: bool = False

    def __repr__(self) -> str:
        if self.is_remote:
            text = f"The functions that this connection had created were removed in {self.seconds:.1f} s."
            return translated(text)
        return translated(f"The lab was reset in {self.seconds:.1f} s: no functions, no calls, no events.")


class Lab(
    LabServices,
    LabFunctions,
    LabCalls,
    LabLoad,
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
        functions: str | None = None,
        gateway: str | None = None,
        gateway_port: int = Settings.gateway_port,
        inspector_port: int = Settings.inspector_port,
        listen: str = Settings.listen,
        nats: str | None = None,
        nats_credentials: str | PathLike[str] | None = None,
        nats_replicas: int = Settings.nats_replicas,
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
            functions: What functions run in: ``process``, the default, or
                ``docker`` for containers of this machine's Docker engine. The
                variable ``LABKIT_FUNCTIONS`` is another default.
            gateway: URL of an OpenFaaS elsewhere, as in ``Lab.connect``: no
                lab is started. The default is the variable
                ``LABKIT_GATEWAY``, which does not count with "", or if
                ``functions`` or ``nats`` is given.
            gateway_port: Used if free, else another; 0 means any.
            inspector_port: The same for the inspector.
            listen: IPv4 address of this machine where gateway and inspector
                listen, so that workers on other hosts reach them. Whoever
                reaches it can call the functions and fill bins; passwords are
                sent in the clear.
            nats: Addresses of an existing NATS with JetStream, such as
                ``tls://a:4222,tls://b:4222``; by default ``$LABKIT_NATS``.
                Without one the lab starts a nats-server.
            nats_credentials: Path of a file: a context of the ``nats`` command
                (JSON with ``user``, ``password``, ``token``, ``creds``,
                ``nkey``, ``ca``, ``cert``, ``key``), a ``.creds`` file, an
                NKey's seed, or a certificate to trust; by default
                ``$LABKIT_NATS_CREDENTIALS``.
            nats_replicas: Servers that hold each message there; 0 is 3 on a
                cluster, else 1.
            environment: More settings for the services, with OpenFaaS's names.
            attach: Whether to attach to a running lab; else that is an error.
            timeout: Seconds until the lab is ready.

        Raises:
            InvalidValueError: A setting is out of range.
            NatsAccessError: That NATS can't be used, or holds another lab.
            LabRunningError: A lab runs with other functions or another NATS.
            LabError: The lab could not be started; only its logs are left
                behind.
        """
        load_ipython_extension()
        is_here = functions is not None or nats is not None
        if gateway and is_here:
            raise InvalidValueError(
                "a lab is either here or an OpenFaaS elsewhere",
                expected="gateway, or functions and nats",
                seen=f"gateway={gateway!r} and {'functions' if functions is not None else 'nats'}",
            )
        if gateway or (gateway is None and not is_here and default_gateway()):
            given = {
                "max_inflight": max_inflight not in (None, Settings.max_inflight),
                "workers": workers != Settings.workers,
                "max_retry_attempts": max_retry_attempts != Settings.max_retry_attempts,
                "initial_retry_wait": initial_retry_wait != Settings.initial_retry_wait,
                "max_retry_wait": max_retry_wait != Settings.max_retry_wait,
                "ack_wait": bool(ack_wait),
                "sync_interval": bool(sync_interval),
                "environment": bool(environment),
            }
            if ignored := [name for name, is_given in given.items() if is_given]:
                announced(settings_not_here(ignored))
            return cls.connect(gateway or "", workspace=workspace)
        chosen_functions = functions or default_functions()
        settings = Settings(
            workspace=str(Workspace.find(workspace).root),
            max_inflight=1 if max_inflight is None else max_inflight,
            workers=workers,
            max_retry_attempts=max_retry_attempts,
            initial_retry_wait=initial_retry_wait,
            max_retry_wait=max_retry_wait,
            ack_wait=ack_wait,
            sync_interval=sync_interval,
            functions=chosen_functions or Settings.functions,
            gateway_port=gateway_port,
            inspector_port=inspector_port,
            listen=listen,
            nats=chosen_nats(nats, nats_credentials),
            nats_replicas=nats_replicas,
            environment=dict(environment or {}),
            timeout=timeout,
        )

        async def start() -> tuple[AsyncLab, tuple[str, ...]]:
            lab = await AsyncLab.start(settings, attach=attach)
            lab.require(functions=chosen_functions, nats=settings.nats.url)
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
    def connect(
        cls,
        url: str = "",
        user: str = "",
        password: str = "",
        *,
        callback_url: str = "",
        workspace: str | PathLike[str] | None = None,
        timeout: float = 20.0,
    ) -> Self:
        """Connect to an OpenFaaS elsewhere, by OpenFaaS's own API alone.

        Functions, calls, measured runs, plots, logs and bins are the same as
        in a lab on this machine. What only the lab's own services know or do
        (queues, status by id, faults) raises ``NotAvailableError``, and views
        of it are notes.

        Results come by callbacks, to a request inspector that is started
        beside this process. ``reset`` removes the functions that this
        connection has created, and no others; ``stop`` and the end of this
        process leave all functions in place.

        Args:
            url: The gateway, such as ``http://gateway:8080``; by default the
                variable ``LABKIT_GATEWAY``.
            user: For its ``/system`` routes; by default that of the URL, else
                ``LABKIT_GATEWAY_USER``, else the login that faas-cli saved.
            password: The user's; ``LABKIT_GATEWAY_PASSWORD``.
            callback_url: Where the OpenFaaS reaches this machine, such as
                ``http://192.0.2.7:9090``; by default ``LABKIT_CALLBACK_URL``,
                else this machine's address on the way to the gateway, and any
                port. A URL with https is that of a tunnel or a proxy, which
                forwards to port 8090 of this machine.
            workspace: The folder that exercises belong to.
            timeout: Seconds until it is connected.

        Raises:
            InvalidValueError: It is no URL, or the login is not complete.
            RemoteGatewayError: The gateway can't be reached, is no OpenFaaS,
                or rejects the login.
            CallbackUrlError: It could not send results to this machine.
        """
        from labkit.lab.remote_lab import AsyncRemoteLab  # few labs are elsewhere, and it takes 30 ms
        from labkit.remote.address import remote_address

        load_ipython_extension()
        address = remote_address(url or default_gateway(), user, password)
        connecting = AsyncRemoteLab.connect(
            Workspace.find(workspace), address, callback_url or default_callback_url()
        )
        return cls(background_loop().run(connecting, timeout + GRACE_SECONDS))

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
    def nats_context(self) -> str:
        """Path of a context file for the ``nats`` command.

        It contains the login to the lab's NATS, for this user alone:
        ``nats --context PATH stream ls``.
        """
        return self._async.nats_context

    @property
    def workspace(self) -> Path:
        """The folder that the lab belongs to."""
        return self._async.workspace.root

    @checked
    def stop(self, *, force: bool = False) -> None:
        """Stop the lab if it ends with this process, else detach; idempotent.

        On an existing NATS it prints what of the lab stays there.

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        stop = self._async.stop(force=force)
        if stays := background_loop().run(stop, MANAGE_SECONDS + GRACE_SECONDS, cancels=False):
            sys.stdout.write(f"{stays}\n")

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
        return ResetReport(time.monotonic() - begin, self._async.is_remote)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        # Only what stays the same from run to run: notebooks are tested by
        # their output.
        return repr(self._async)
