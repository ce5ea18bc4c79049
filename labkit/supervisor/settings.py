"""How a lab is to be run, as handed to the supervisor."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

GATEWAY_PORT = 8080
INSPECTOR_PORT = 8090
MAX_WORKERS = 16


@dataclass(frozen=True)
class Settings:
    """How a lab is to be run.

    Attributes:
        workspace: Folder whose ``.labkit`` holds the lab's files.
        lifeline: Tear everything down when standard input ends.
        timeout: Seconds from the supervisor's start to a ready lab.
        gateway_port: Port asked for; another one is taken if it is in use. 0 means any.
        inspector_port: The same for the inspector.
        workers: How many queue-workers.
        max_inflight: Calls that each of them runs at once.
        ack_wait: How long a delivery is the worker's before it is given out
            again, as a Go duration; the worker renews it while it works. "" is
            the services' own default.
        sync_interval: nats-server's JetStream ``sync_interval``; ``always``
            makes a 202 survive a power cut, at a cost for every accept.
        max_retry_attempts: How often a call is tried, the first time included; functions' annotations
            win. OpenFaaS Pro's is 10.
        initial_retry_wait: Before the second attempt, as a Go duration; doubled each time. Pro's is 10s.
        max_retry_wait: The longest of these waits. Pro's is 120s: a call that always fails would rest
            after a quarter of an hour.
        max_body: Largest request body in bytes.
        keeper: Start nats-server through ``keeper.py``, where the system has no
            other way to end it together with the supervisor.
        launched_ns: Unix nanoseconds at which the start was asked for.
        environment: More settings for every service, in OpenFaaS's spelling.
        commands: Another command for a service, by its name.
    """

    workspace: str
    lifeline: bool = True
    timeout: float = 10.0
    gateway_port: int = GATEWAY_PORT
    inspector_port: int = INSPECTOR_PORT
    workers: int = 1
    max_inflight: int = 1
    ack_wait: str = ""
    sync_interval: str = ""
    max_retry_attempts: int = 3
    initial_retry_wait: str = "1s"
    max_retry_wait: str = "10s"
    max_body: int = 1024 * 1024
    keeper: bool = not sys.platform.startswith("linux")
    launched_ns: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, list[str]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the settings as the supervisor's one argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Rebuild what ``to_json`` wrote.

        Raises:
            ValueError, TypeError: It was written by something else.
        """
        return cls(**json.loads(text))
