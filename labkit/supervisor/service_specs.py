"""Which services make up a lab, and what each is told."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER
from labkit.supervisor.children import Launch
from labkit.supervisor.files import run_folder, write_secret
from labkit.supervisor.fork_server import ForkServer
from labkit.supervisor.managed_service import Facts, Spec
from labkit.supervisor.nats_server import NatsServer, find_nats_server
from labkit.supervisor.process import Process
from labkit.supervisor.settings import Settings
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import InvalidValueError

_USER = "admin"
DRAIN_SECONDS = 60.0
"""What a queue-worker that is restarted gives running calls, as long as the gateway waits for a function;
one that ends with the lab gives none."""

_ANY_PORT = -1
"""nats-server's way to ask for any port."""


class Plan:
    """The lab's secrets and addresses, and how each service is started with them.

    A service that is started again gets the address that it had: everyone
    else has it by then.

    Attributes:
        max_inflight_of: Calls that a queue-worker runs at once, of those queues for which it was changed.
        relay_url: Where queue-workers find the gateway while the network is slow; "" at other times.
    """

    def __init__(
        self, settings: Settings, workspace: Workspace, fork_server: ForkServer | None = None
    ) -> None:
        self.settings = settings
        self.max_inflight_of: dict[str, int] = {}
        self.nats_url = ""
        self.gateway_url = ""
        self.inspector_url = ""
        self.relay_url = ""
        self._metrics_url: dict[str, str] = {}
        self.nats_token = _token()
        self.inspector_token = _token()
        self.control_token = _token()
        self.password = _token()
        self._workspace = workspace
        self._fork_server = fork_server
        self._run = run_folder(workspace)
        self._nats = NatsServer(
            folder=self._run / "nats",
            store=workspace.jetstream,
            token=self.nats_token,
            max_body=settings.max_body,
            sync_interval=settings.sync_interval,
        )

    def write_secrets(self) -> None:
        """Write the gateway's credentials, where OpenFaaS looks for them."""
        write_secret(self._secrets / "basic-auth-user", _USER)
        write_secret(self._secrets / "basic-auth-password", self.password)

    def write_login(self) -> None:
        """Write the login with which a real faas-cli may use the gateway's ``/system`` routes."""
        token = b64encode(f"{_USER}:{self.password}".encode()).decode()
        write_secret(
            self._workspace.login_folder / "config.yml",
            f"auths:\n- gateway: {self.gateway_url}\n  auth: basic\n  token: {token}\n",
        )

    @property
    def _secrets(self) -> Path:
        return self._run / "secrets"

    def specs(self) -> list[Spec]:
        """Return all services."""
        return [
            Spec(NATS_SERVER, self._prepare_nats, self._wait_for_nats, self._nats_is_ready),
            Spec(GATEWAY, self._prepare_gateway, _wait_for_line, self._gateway_is_ready),
            *(self.worker(number + 1) for number in range(self.settings.workers)),
            Spec(INSPECTOR, self._prepare_inspector, _wait_for_line, self._inspector_is_ready),
        ]

    def worker(self, number: int) -> Spec:
        """Return one of the queue-workers, counted from 1."""
        name = QUEUE_WORKER if number == 1 else f"{QUEUE_WORKER}-{number}"

        def on_ready(facts: Facts) -> None:
            self._metrics_url[name] = facts.get("metrics", "")

        return Spec(name, lambda: self._prepare_worker(name), _wait_for_line, on_ready)

    def state(self, *, run_id: str, control: str, started_ns: int) -> LabState:
        """Return what others must know to use the lab."""
        return LabState(
            pid=os.getpid(),
            run_id=run_id,
            gateway_url=self.gateway_url,
            inspector_url=self.inspector_url,
            inspector_token=self.inspector_token,
            nats_url=self.nats_url,
            nats_token=self.nats_token,
            user=_USER,
            password=self.password,
            control=control,
            control_token=self.control_token,
            started_ns=started_ns,
        )

    # -- nats-server

    def _prepare_nats(self) -> Launch:
        program = find_nats_server(os.environ)
        keeper = self.settings.keeper
        port = _port(self.nats_url) if self.nats_url else _ANY_PORT
        command = self._nats.prepare(program, port, keeper=keeper)
        return Launch(command, {}, lifeline=keeper, dies_with_parent=not keeper)

    async def _wait_for_nats(self, _process: Process) -> Facts:
        return await self._nats.wait_ready()

    def _nats_is_ready(self, facts: Facts) -> None:
        self.nats_url = facts["url"]

    # -- the lab's own services

    def _prepare_gateway(self) -> Launch:
        # It starts watchdogs as we start services.
        control = [self._fork_server.control.fileno()] if self._fork_server else []
        return self._python_service(
            GATEWAY,
            *control,
            fork_server="".join(map(str, control)),
            **_ask_for_port(self.gateway_url, self.settings.gateway_port),
            basic_auth="true",
            secret_mount_path=str(self._secrets),
            image_store=str(self._workspace.images),
            state_dir=str(self._run / GATEWAY),
            max_body=str(self.settings.max_body),
        )

    def _gateway_is_ready(self, facts: Facts) -> None:
        self.gateway_url = facts["url"]

    def _prepare_worker(self, name: str) -> Launch:
        metrics_url = self._metrics_url.get(name)
        port = str(_port(metrics_url) if metrics_url else 0)
        return self._python_service(QUEUE_WORKER, metrics_port=port, **self._worker_environment())

    def worker_settings(self) -> dict[str, str]:
        """Return the environment of a queue-worker that somebody else starts."""
        return {**self._common(), **self._worker_environment(), **self.settings.environment}

    def _worker_environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            "queue_name": "*",
            "gateway_url": self.relay_url or self.gateway_url,
            "max_inflight": str(settings.max_inflight),
            "max_inflight_of": ",".join(f"{queue}={count}" for queue, count in self.max_inflight_of.items()),
            "drain_timeout": f"{DRAIN_SECONDS:g}s",
            "max_retry_attempts": str(settings.max_retry_attempts),
            "initial_retry_wait": settings.initial_retry_wait,
            "max_retry_wait": settings.max_retry_wait,
        }

    def _prepare_inspector(self) -> Launch:
        return self._python_service(
            INSPECTOR,
            **_ask_for_port(self.inspector_url, self.settings.inspector_port),
            inspector_token=self.inspector_token,
            gateway_url=self.gateway_url,
        )

    def _inspector_is_ready(self, facts: Facts) -> None:
        self.inspector_url = facts["url"]

    def _common(self) -> dict[str, str]:
        ack_wait = {"ack_wait": self.settings.ack_wait} if self.settings.ack_wait else {}
        return {"nats_url": self.nats_url, "nats_token": self.nats_token, **ack_wait}

    def _python_service(self, name: str, *descriptors: int, **environment: str) -> Launch:
        module = f"labkit_services.{name.replace('-', '_')}"
        # -P: a learner's random.py in the workspace must not be imported for Python's.
        command = [sys.executable, "-P", "-m", module]
        if name in self.settings.commands:
            command, module = self.settings.commands[name], ""
        environment = {"lifeline": "stdin", **self._common(), **environment, **self.settings.environment}
        return Launch(command, environment, module, descriptors=descriptors)


async def _wait_for_line(process: Process) -> Facts:
    """Return the facts of a service's ready line."""
    line = await process.line
    try:
        facts = json.loads(line)
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or "ready" not in facts:
        raise InvalidValueError(
            "a service's first line on standard output is not its ready line",
            expected='{"ready": NAME, "pid": …}',
            seen=repr(line[:200]),
        )
    return facts


def _ask_for_port(url: str, asked: int) -> dict[str, str]:
    if url:
        return {"port": str(_port(url)), "port_fallback": "false"}
    return {"port": str(asked), "port_fallback": "true"}


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, url
    return port


def _token() -> str:
    # secrets.token_hex does the same, but importing it costs 10 ms.
    return os.urandom(24).hex()
