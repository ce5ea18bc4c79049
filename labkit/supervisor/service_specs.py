"""The services of a lab: how each is started and configured."""

from __future__ import annotations

import json
import logging
import os
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from socket import socket
from typing import Any
from urllib.parse import urlsplit

from labkit.owner_sockets import OwnerSockets
from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER
from labkit.supervisor.child_process import ChildProcess
from labkit.supervisor.child_processes import ProcessSpec
from labkit.supervisor.external_nats import ExternalNats
from labkit.supervisor.files import run_folder
from labkit.supervisor.held_ports import HeldPorts
from labkit.supervisor.nats_server import NatsServer, find_nats_server
from labkit.supervisor.settings import Settings
from labkit.supervisor.store.disk import write_problem
from labkit.supervisor.store.recovery import StoreRecovery
from labkit.supervisor.taken_ports import port_note
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import InvalidValueError, LabError, UnsafePathError
from labkit_services.contract.ports import GATEWAY_METRICS_PORT, LOOPBACK
from labkit_services.runtime.nats_login import NatsLogin
from labkit_services.runtime.private_files import write_private
from labkit_services.runtime.python_process import python_command

_USER = "admin"
DRAIN_SECONDS = 60.0
"""How long a queue-worker that is restarted waits for running calls, as long
as the gateway waits for a function. A worker that ends with the lab does not
wait."""

_WORKER_SETTINGS = (
    *("drain_timeout", "upstream_timeout", "retry_http_codes", "backoff"),
    *("callback_attempts", "initial_callback_wait", "max_callback_wait"),
)
"""More settings of a queue-worker that the environment may set."""

ReadyMessage = dict[str, Any]
"""What a service reports when it is ready: ``pid`` and, if it listens,
``url``."""
WaitReady = Callable[[ChildProcess], Coroutine[Any, Any, ReadyMessage]]


@dataclass(frozen=True)
class ServiceSpec:
    """How the supervisor runs one service.

    Attributes:
        name: Also the name of its log file.
        prepare: Returns how to start it; called before every start.
        wait_ready: Returns the ready message. The caller handles timeout and
            early exit.
        on_ready: Called with the ready message before the service counts as
            ready.
        on_exit: Called when its process has ended.
        obstacle: Returns what keeps the service down although nothing is wrong
            with it; its exits do not count meanwhile.
    """

    name: str
    prepare: Callable[[], ProcessSpec]
    wait_ready: WaitReady
    on_ready: Callable[[ReadyMessage], None]
    on_exit: Callable[[], None]
    obstacle: Callable[[], LabError | None] = lambda: None


class ServiceSpecs:
    """The lab's secrets and addresses, and the specs of its services.

    A service that is restarted gets the address that it had before, because
    the others know it already.

    Attributes:
        url_of: The services' addresses, by name; that of a queue-worker's
            metrics.
        max_inflight_of: Calls that a queue-worker runs at once, by queue,
            where it was changed.
        proxy_url: Where queue-workers reach the gateway during a slow network;
            "" at other times.
        recovery: Finds damage of the store when nats-server starts.
        store_problem: Why JetStream stores nothing at this moment, or None.
        external_nats: The NATS that the lab uses instead of its own, or None.
        ports: What the services listen on.
        sockets: Where Jupyter's server reaches gateway and inspector.
    """

    def __init__(self, settings: Settings, workspace: Workspace, fork_server: socket | None = None) -> None:
        self.settings = settings
        self.workspace = workspace
        self.max_inflight_of: dict[str, int] = {}
        self.url_of: dict[str, str] = defaultdict(str)
        self.proxy_url = ""
        self.store_problem: LabError | None = None
        # secrets.token_hex does the same, but importing it takes 10 ms.
        tokens = (os.urandom(24).hex() for _ in range(4))
        self.nats_token, self.inspector_token, self.control_token, self.password = tokens
        self.ports = HeldPorts()
        self.sockets = OwnerSockets.of(workspace)
        self._has_sockets = False
        self._fork_server = fork_server
        self._run = run_folder(workspace)
        self._secrets = self._run / "secrets"
        self.recovery = StoreRecovery(workspace.jetstream, self.nats_token)
        self.external_nats: ExternalNats | None = None
        if settings.nats.url:
            self.external_nats = ExternalNats(settings.nats, workspace.folder, settings.nats_replicas)
            self.url_of[NATS_SERVER] = settings.nats.url
        self._nats = NatsServer(
            folder=self._run / "nats",
            store=workspace.jetstream,
            token=self.nats_token,
            max_body=settings.max_body,
            sync_interval=settings.sync_interval,
        )

    def write_secrets(self) -> None:
        """Write the gateway's credentials to the files that it reads."""
        write_private(self._secrets / "basic-auth-user", _USER)
        write_private(self._secrets / "basic-auth-password", self.password)

    def create_sockets_folder(self) -> None:
        """Create the folder of the sockets; without it there are none.

        The lab is complete without them, except behind Jupyter's server.
        """
        try:
            self.sockets.create_folder()
            self._has_sockets = True
        except (OSError, UnsafePathError) as error:
            logging.warning("no sockets for Jupyter's server: %s", str(error).replace("\n", " |"))

    def _socket_setting(self, service: str) -> dict[str, str]:
        return {"owner_socket": self.sockets.path(service)} if self._has_sockets else {}

    def write_login(self) -> None:
        """Write the login for a real faas-cli, for ``/system`` routes."""
        token = b64encode(f"{_USER}:{self.password}".encode()).decode()
        write_private(
            self.workspace.login_folder / "config.yml",
            f"auths:\n- gateway: {self.url_of[GATEWAY]}\n  auth: basic\n  token: {token}\n",
        )

    def specs(self) -> list[ServiceSpec]:
        """Return the specs of all services, in the order of their start."""
        own_nats = self._spec(NATS_SERVER, self._prepare_nats, self._wait_for_nats)
        return [
            *([] if self.external_nats else [own_nats]),
            self._spec(GATEWAY, self._prepare_gateway),
            *(self.worker(number + 1) for number in range(self.settings.workers)),
            self._spec(INSPECTOR, self._prepare_inspector),
        ]

    def worker(self, number: int) -> ServiceSpec:
        """Return the spec of a queue-worker, counted from 1."""
        name = QUEUE_WORKER if number == 1 else f"{QUEUE_WORKER}-{number}"
        return self._spec(name, lambda: self._prepare_worker(name))

    def _spec(
        self, name: str, prepare: Callable[[], ProcessSpec], wait_ready: WaitReady | None = None
    ) -> ServiceSpec:
        def on_ready(message: ReadyMessage) -> None:
            self.url_of[name] = message.get("url") or message.get("metrics", "")

        return ServiceSpec(
            name,
            prepare,
            wait_ready or _read_ready_message,
            on_ready,
            on_exit=lambda: self.ports.shut(name),
            obstacle=self._obstacle,
        )

    def _obstacle(self) -> LabError | None:
        return self.store_problem or write_problem(self.workspace.folder)

    def state(self, *, run_id: str, control: str, started_ns: int) -> LabState:
        """Return what clients need to use the lab."""
        preferred = {GATEWAY: self.settings.gateway_port, INSPECTOR: self.settings.inspector_port}
        notes = (port_note(name, port, self.url_of[name]) for name, port in preferred.items())
        return LabState(
            pid=os.getpid(),
            run_id=run_id,
            gateway_url=self.url_of[GATEWAY],
            inspector_url=self.url_of[INSPECTOR],
            inspector_token=self.inspector_token,
            nats_url=self.url_of[NATS_SERVER],
            nats_token=self.nats_login.token,
            nats_context=str(self.workspace.nats_context),
            user=_USER,
            password=self.password,
            control=control,
            control_token=self.control_token,
            started_ns=started_ns,
            port_note="; ".join(filter(None, notes)),
            functions=self.settings.functions,
        )

    # -- NATS

    @property
    def nats_login(self) -> NatsLogin:
        """How the lab's services log in to NATS."""
        if self.external_nats:
            return self.external_nats.login
        return NatsLogin(url=self.url_of[NATS_SERVER], token=self.nats_token)

    def write_nats_context(self) -> None:
        """Write the login as a context of the ``nats`` command."""
        context = self.nats_login.context(f"labkit: {self.workspace.root}")
        write_private(self.workspace.nats_context, context)

    async def _wait_for_nats(self, _: ChildProcess) -> ReadyMessage:
        message = await self._nats.wait_ready()
        await self.recovery.after_start(message["url"])
        return message

    def _prepare_nats(self) -> ProcessSpec:
        self.recovery.before_start()
        program = find_nats_server(os.environ)
        wrapped = self.settings.parent_death_wrapper
        command = self._nats.prepare(program, self.ports.reserved(NATS_SERVER), wrapped=wrapped)
        return ProcessSpec(command, {}, dies_with_parent=not wrapped)

    # -- the lab's own services

    def _prepare_gateway(self) -> ProcessSpec:
        # It starts watchdogs in the same way as the supervisor starts
        # services.
        control = [self._fork_server.fileno()] if self._fork_server else []
        port, inherited = self._listening(GATEWAY, self.settings.gateway_port)
        metrics, inherited_too = self.ports.held(GATEWAY, "metrics_port", LOOPBACK, GATEWAY_METRICS_PORT)
        return self._python_service(
            GATEWAY,
            *control,
            *inherited,
            *inherited_too,
            fork_server="".join(map(str, control)),
            listen=self.settings.listen,
            **port,
            **metrics,
            **self._socket_setting(GATEWAY),
            basic_auth="true",
            secret_mount_path=str(self._secrets),
            functions=self.settings.functions,
            workspace=str(self.workspace.root),
            image_store=str(self.workspace.images),
            state_dir=str(self._run / GATEWAY),
            max_body=str(self.settings.max_body),
            sync_interval="" if self.external_nats else self.settings.sync_interval,
        )

    def _prepare_worker(self, name: str) -> ProcessSpec:
        port = str(self.ports.reserved(name))
        return self._python_service(QUEUE_WORKER, metrics_port=port, **self._worker_environment())

    def worker_settings(self) -> dict[str, str]:
        """Return the environment for a queue-worker that a user starts."""
        return {**self._common(), **self._worker_environment(), **self.settings.environment}

    def shared_worker_settings(self) -> dict[str, str]:
        """Return what a queue-worker on another host has to know.

        It is stored in NATS: neither a login nor anything of this machine
        belongs to it.
        """
        names = ("ack_wait", "max_inflight", "max_retry_attempts", "initial_retry_wait", "max_retry_wait")
        known = {**self._common(), **self._worker_environment(), **self.settings.environment}
        return {name: known[name] for name in (*names, *_WORKER_SETTINGS) if known.get(name)}

    def _worker_environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            "queue_name": "*",
            "gateway_url": self.proxy_url or self.url_of[GATEWAY],
            "max_inflight": str(settings.max_inflight),
            "max_inflight_of": ",".join(f"{queue}={count}" for queue, count in self.max_inflight_of.items()),
            "drain_timeout": f"{DRAIN_SECONDS:g}s",
            "max_retry_attempts": str(settings.max_retry_attempts),
            "initial_retry_wait": settings.initial_retry_wait,
            "max_retry_wait": settings.max_retry_wait,
        }

    def _prepare_inspector(self) -> ProcessSpec:
        port, inherited = self._listening(INSPECTOR, self.settings.inspector_port)
        return self._python_service(
            INSPECTOR,
            *inherited,
            listen=self.settings.listen,
            **port,
            **self._socket_setting(INSPECTOR),
            inspector_token=self.inspector_token,
            gateway_url=self.url_of[GATEWAY],
            lab_folder=str(self.workspace.folder),
            history=str(self.workspace.inspector / "inspector.sqlite3"),
        )

    def _listening(self, service: str, preferred: int) -> tuple[dict[str, str], list[int]]:
        held, inherited = self.ports.held(service, "port", self.settings.listen, preferred)
        if inherited:
            return held, inherited
        url = self.url_of[service]
        port = urlsplit(url).port or preferred
        return {"port": str(port), "port_fallback": "false" if url else "true"}, []

    def _common(self) -> dict[str, str]:
        ack_wait = {"ack_wait": self.settings.ack_wait} if self.settings.ack_wait else {}
        streams = self.external_nats.streams if self.external_nats else None
        more = {"nats_stream_replicas": str(streams.replicas), "nats_lab": streams.lab} if streams else {}
        return {**self.nats_login.settings(), **more, **ack_wait}

    def _python_service(self, name: str, *descriptors: int, **environment: str) -> ProcessSpec:
        module = f"labkit_services.{name.replace('-', '_')}"
        command = python_command(module)
        if name in self.settings.commands:
            command, module = self.settings.commands[name], ""
        environment = {"lifeline": "stdin", **self._common(), **environment, **self.settings.environment}
        return ProcessSpec(command, environment, module, descriptors=descriptors)


async def _read_ready_message(process: ChildProcess) -> ReadyMessage:
    line = await process.line
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "ready" not in message:
        raise InvalidValueError(
            "the first line of a service's standard output is not a ready message",
            expected='{"ready": NAME, "pid": …}',
            seen=repr(line[:200]),
        )
    return message
