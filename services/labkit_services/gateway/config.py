"""The gateway's settings, named as in OpenFaaS's gateway."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.names import DEFAULT_GATEWAY_PORT, DEFAULT_QUEUE
from labkit_services.runtime.service import Service

METRICS_PORT = 8082
MAX_BODY = 1024 * 1024


@dataclass(frozen=True)
class GatewayConfig:
    """The gateway's settings.

    Attributes:
        port: Port of the API; 0 is any.
        port_fallback: Listen on any port if that one is in use.
        upstream_timeout: Seconds a function may take to respond.
        read_timeout: Seconds a client may pause in the middle of its request.
        metrics_port: Port of a second ``/metrics``; 0 is any.
        write_timeout: Seconds after which followed logs end; 0 is never.
        queue: Default queue of asynchronous calls.
        max_body: Maximum bytes of an asynchronous call's body.
        user: Basic-auth user of ``/system``; "" when auth is off.
        password: Its password.
        image_store: Folder where ``faas-cli build`` puts images.
        state_dir: Folder for the replicas' scratch folders.
        ack_wait: Seconds of the workers' lease, which a new consumer is created with.
        replicas: JetStream replicas of a queue: 1, or 3 on a cluster.
        fork_server: Descriptor of a socket to the fork server; -1 means watchdogs are spawned.
        lab_state: The lab's state file, which has the inspector's address.
    """

    port: int
    port_fallback: bool
    upstream_timeout: float
    read_timeout: float
    metrics_port: int
    write_timeout: float
    queue: str
    max_body: int
    user: str
    password: str
    image_store: Path
    state_dir: Path
    ack_wait: float
    replicas: int
    fork_server: int
    lab_state: Path

    @classmethod
    def read(cls, service: Service) -> GatewayConfig:
        """Read the environment.

        Raises:
            InvalidValueError: A number or duration is invalid.
            OSError: Basic auth is on and its files cannot be read.
        """
        user = password = ""
        if service.flag("basic_auth"):
            folder = Path(service.setting("secret_mount_path", "/run/secrets/"))
            user = (folder / "basic-auth-user").read_text().strip()
            password = (folder / "basic-auth-password").read_text().strip()
        # Absolute, because a replica runs in another folder.
        state = Path(service.setting("state_dir", ".labkit/gateway")).absolute()
        return cls(
            port=service.number("port", DEFAULT_GATEWAY_PORT),
            port_fallback=service.flag("port_fallback", default=True),
            upstream_timeout=parse_duration(service.setting("upstream_timeout", "60s")),
            read_timeout=parse_duration(service.setting("read_timeout", "60s")),
            metrics_port=service.number("metrics_port", METRICS_PORT),
            # OpenFaaS's default is 60s, which ends followed logs. Nothing else in this gateway uses it.
            write_timeout=parse_duration(service.setting("write_timeout", "0")),
            queue=service.setting("faas_nats_channel", DEFAULT_QUEUE),
            max_body=service.number("max_body", MAX_BODY),
            user=user,
            password=password,
            image_store=Path(service.setting("image_store", ".labkit/images")).absolute(),
            state_dir=state,
            ack_wait=parse_duration(service.setting("ack_wait", "5s")),
            replicas=service.number("nats_stream_replicas", 1),
            fork_server=service.number("fork_server", -1),
            lab_state=Path(service.setting("lab_state", ".labkit/state.json")),
        )
