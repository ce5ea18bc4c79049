"""A lab's settings, their defaults, and how the supervisor gets them."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.function_providers import FUNCTION_PROVIDERS, PROCESS
from labkit_services.contract.numbers import whole_number
from labkit_services.contract.ports import DEFAULT_GATEWAY_PORT, DEFAULT_INSPECTOR_PORT, LOOPBACK
from labkit_services.contract.queues import MAX_ATTEMPTS, MAX_INFLIGHT, SHORTEST_LEASE_SECONDS
from labkit_services.runtime.nats_login import NatsLogin

MAX_WORKERS = 16
_MAX_PORT = 65535
_MAX_REPLICAS = 5
"""JetStream's limit."""
_HIGHEST = {"workers": MAX_WORKERS, "max_inflight": MAX_INFLIGHT, "max_retry_attempts": MAX_ATTEMPTS}


@dataclass(frozen=True)
class Settings:
    """How to run a lab.

    Attributes:
        workspace: Folder whose ``.labkit`` holds the lab's files.
        lifeline: Tear everything down when standard input ends.
        timeout: Seconds from the supervisor's start to a ready lab.
        gateway_port: Preferred port; another one is used if it is taken. 0
            means any.
        inspector_port: The same for the inspector.
        workers: Number of queue-workers.
        max_inflight: Calls that each of them runs at once.
        ack_wait: How long a delivery belongs to a worker before it is
            redelivered, as a Go duration; the worker renews it while it works.
            "" is the services' own default.
        sync_interval: nats-server's JetStream ``sync_interval``; ``always``
            makes a 202 survive a power cut, at a cost for every accept.
        max_retry_attempts: Attempts per call, the first one included;
            functions' annotations override it. OpenFaaS Pro's default is 10.
        initial_retry_wait: Delay before the second attempt, as a Go duration;
            doubled each time. Pro's is 10s.
        max_retry_wait: The longest of these delays. Pro's is 120s: a call that
            always fails would end after a quarter of an hour.
        max_body: Largest request body in bytes.
        functions: What functions run in: ``process``, or containers of
            ``docker``.
        listen: IP address of this machine where gateway and inspector listen.
        nats: An existing NATS to use; without a URL the lab starts one.
        nats_replicas: Replicas of new streams there; 0 is 3 on a cluster, else
            1.
        parent_death_wrapper: Start nats-server through
            ``parent_death_wrapper.py``, on systems that have no other way to
            end it together with the supervisor.
        owner: What the process that starts it is called in messages.
        launched_ns: Unix nanoseconds at which the start was requested.
        environment: More settings for every service, in OpenFaaS's spelling.
        commands: Replacement commands for services, by service name.
    """

    workspace: str
    lifeline: bool = True
    timeout: float = 10.0
    gateway_port: int = DEFAULT_GATEWAY_PORT
    inspector_port: int = DEFAULT_INSPECTOR_PORT
    workers: int = 1
    max_inflight: int = 1
    ack_wait: str = ""
    sync_interval: str = ""
    max_retry_attempts: int = 3
    initial_retry_wait: str = "1s"
    max_retry_wait: str = "10s"
    max_body: int = 1024 * 1024
    functions: str = PROCESS
    listen: str = LOOPBACK
    nats: NatsLogin = field(default_factory=NatsLogin)
    nats_replicas: int = 0
    parent_death_wrapper: bool = not sys.platform.startswith("linux")
    owner: str = "the process"
    launched_ns: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values: a service could only say that it ended."""
        for name in ("gateway_port", "inspector_port"):
            port: object = getattr(self, name)
            if not isinstance(port, int) or not 0 <= port <= _MAX_PORT:
                raise InvalidValueError(
                    f"{name} is out of range",
                    expected=f"a port from 1 to {_MAX_PORT}, or 0 for any",
                    seen=repr(port),
                    next_step="leave the setting out: another port is used if the usual one is taken",
                )
        if self.functions not in FUNCTION_PROVIDERS:
            expected = " or ".join(FUNCTION_PROVIDERS)
            raise InvalidValueError("functions is unknown", expected=expected, seen=repr(self.functions))
        for name, highest in _HIGHEST.items():
            whole_number(name, getattr(self, name), highest)
        check_listen(self.listen)
        whole_number("nats_replicas", self.nats_replicas + 1, _MAX_REPLICAS + 1)
        for name in ("ack_wait", "initial_retry_wait", "max_retry_wait", "sync_interval"):
            _check_duration(name, getattr(self, name))
        if not self.timeout >= 0:  # nor NaN
            raise InvalidValueError(
                "timeout is out of range", expected="seconds from 0", seen=repr(self.timeout)
            )
        for name, value in self.environment.items():
            if not name or "=" in name or "\0" in name + value:
                raise InvalidValueError(
                    f"the environment variable {name!r} can't be set",
                    expected="a name without =, and no NUL",
                    seen=f"{name}={value}"[:120],
                )

    def to_json(self) -> str:
        """Return the settings as the supervisor's one argument.

        Everybody on the machine can read that. So the login to NATS is left
        out: the supervisor gets it in its environment.
        """
        return json.dumps({name: value for name, value in asdict(self).items() if name != "nats"})

    @classmethod
    def from_json(cls, text: str, environment: Mapping[str, str]) -> Settings:
        """Rebuild the settings from ``to_json`` and the environment."""
        return cls(**json.loads(text), nats=NatsLogin.of_settings(environment))


def check_listen(address: str) -> None:
    """Raise InvalidValueError unless this is one address of the machine.

    Others are told this address: workers, and the senders of callbacks. So it
    can't be a wildcard.
    """
    if address == LOOPBACK:
        return
    try:
        ip = IPv4Address(address)
        with socket.socket() as probe:
            probe.bind((address, 0))
        problem = "every address" if ip.is_unspecified else ""
    except OSError as error:
        problem = f"no address of this machine: {error.strerror}"
    except ValueError:
        problem = "no IPv4 address"
    if problem:
        raise InvalidValueError(
            "the address to listen on can't be used",
            expected="an IPv4 address of this machine that the other hosts reach, such as 10.0.0.5",
            seen=f"{address[:80]!r}, {problem}",
            next_step="see the machine's addresses with: ip address",
        )


def _check_duration(name: str, text: str) -> None:
    """Raise InvalidValueError if a setting is no duration; "" is none."""
    if not text or (name == "sync_interval" and text == "always"):
        return
    try:
        seconds = parse_duration(text)
    except InvalidValueError as error:
        raise InvalidValueError(f"{name}: {error.headline}", expected=error.expected) from None
    if name == "ack_wait" and seconds < SHORTEST_LEASE_SECONDS:
        expected = f"{SHORTEST_LEASE_SECONDS:g} s or more"
        raise InvalidValueError("ack_wait is too short", expected=expected, seen=repr(text))
