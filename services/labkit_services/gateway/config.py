"""The gateway's settings, named as in OpenFaaS's gateway."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.function_providers import PROCESS
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.ports import DEFAULT_GATEWAY_PORT, GATEWAY_METRICS_PORT, LOOPBACK
from labkit_services.jetstream.stream_settings import StreamSettings
from labkit_services.runtime.listening import ListenSettings
from labkit_services.runtime.service import Service
from labkit_services.web.same_origin import allowed_hosts


@dataclass(frozen=True)
class GatewayConfig:
    """The gateway's settings; timeouts and other durations are in seconds."""

    api: ListenSettings
    owner_socket: str  # where a proxy of the lab's owner connects, without a password; "" is none
    upstream_timeout: float  # how long a function may take to respond
    read_timeout: float  # how long a client may pause in the middle of its request
    metrics: ListenSettings  # of a second /metrics
    write_timeout: float  # after which followed logs end; 0 is never
    queue: str  # default queue of asynchronous calls
    max_body: int  # bytes of an asynchronous call's body
    user: str  # basic auth of /system; "" when auth is off
    password: str
    image_store: Path  # where faas-cli build puts images
    state_dir: Path  # for the replicas' scratch folders
    ack_wait: float  # lease of the workers, for consumers that the gateway creates
    streams: StreamSettings  # of new streams
    sync_always: bool  # nats-server calls fsync for each message
    fork_server: int  # descriptor of a socket to the fork server; -1 means watchdogs are spawned
    lab_state: Path  # the lab's state file, which has the inspector's address
    functions: str  # what functions run in: "process" or "docker"
    workspace: str  # the lab's folder, by which its containers are found
    openfaas_only: bool  # without the lab's own routes and headers
    allowed_hosts: tuple[str, ...]  # more host names under which browsers reach it

    @classmethod
    def read(cls, service: Service) -> GatewayConfig:
        """Read the environment, or raise InvalidValueError.

        OSError means that basic auth is on and its files cannot be read.
        """
        user = password = ""
        if service.flag("basic_auth"):
            folder = Path(service.setting("secret_mount_path", "/run/secrets/"))
            user = (folder / "basic-auth-user").read_text().strip()
            password = (folder / "basic-auth-password").read_text().strip()
        return cls(
            api=ListenSettings.read(service, service.setting("listen", LOOPBACK), DEFAULT_GATEWAY_PORT),
            owner_socket=service.setting("owner_socket"),
            upstream_timeout=parse_duration(service.setting("upstream_timeout", "60s")),
            read_timeout=parse_duration(service.setting("read_timeout", "60s")),
            metrics=ListenSettings.read(service, LOOPBACK, GATEWAY_METRICS_PORT, setting="metrics_port"),
            # OpenFaaS's default is 60s, which ends followed logs. Nothing else
            # in this gateway uses it.
            write_timeout=parse_duration(service.setting("write_timeout", "0")),
            queue=service.setting("faas_nats_channel", DEFAULT_QUEUE),
            max_body=service.number("max_body", 1024 * 1024),
            user=user,
            password=password,
            # Absolute, because a replica runs in another folder.
            image_store=Path(service.setting("image_store", ".labkit/images")).absolute(),
            state_dir=Path(service.setting("state_dir", ".labkit/gateway")).absolute(),
            ack_wait=parse_duration(service.setting("ack_wait", "5s")),
            streams=StreamSettings.read(service),
            sync_always=service.setting("sync_interval") == "always",
            fork_server=service.number("fork_server", -1),
            lab_state=Path(service.setting("lab_state", ".labkit/state.json")),
            functions=service.setting("functions", PROCESS),
            workspace=service.setting("workspace") or str(Path.cwd()),
            openfaas_only=service.flag("openfaas_only"),
            allowed_hosts=allowed_hosts(service.settings),
        )
