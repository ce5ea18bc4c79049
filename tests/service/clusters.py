"""A NATS cluster with TLS for tests, and labs that use it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eventually import eventually
from labs import start_lab
from nats.js.errors import APIError

from labkit import Lab
from labkit_services.jetstream.streams import all_streams
from labkit_services.runtime.nats_login import NatsLogin
from tests.nats_cluster import (
    ACCOUNTS,
    PASSWORD,
    Certificates,
    Nodes,
    Wrap,
    connected,
    context_file,
    public_key,
    running,
    seed,
)

START_SECONDS = 60.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Cluster:
    """Three nodes with TLS, four accounts, and what a user needs for them."""

    nodes: Nodes
    certificates: Certificates
    folder: Path

    def credentials(self, user: str = "ada", **more: object) -> Path:
        """Return a file for ``nats_credentials``."""
        fields = {"user": user, "password": PASSWORD, "ca": self.certificates.ca, **more}
        return context_file(self.folder / f"{user}.json", **fields)

    def login(self, user: str = "ada") -> NatsLogin:
        return NatsLogin.of(self.nodes.urls, self.credentials(user))

    @property
    def nkey_file(self) -> Path:
        return self.folder / "ada.nk"

    def start_lab(self, workspace: Path, user: str = "ada", **settings: Any) -> Lab:
        """Start a lab that uses the cluster."""
        return start_lab(workspace, **{"timeout": START_SECONDS, "nats": self.login(user), **settings})

    def empty(self) -> None:
        """Delete every stream of every account."""
        for user in ("ada", "bob"):
            asyncio.run(_delete_streams(self.login(user)))


async def _delete_streams(login: NatsLogin) -> None:
    async with connected(login) as client:
        js = client.jetstream()
        async with asyncio.timeout(30):
            while True:
                try:
                    for name in await all_streams(js):
                        await js.delete_stream(name)
                    return
                except (APIError, TimeoutError):  # a node that was killed comes back
                    await asyncio.sleep(0.3)


@contextmanager
def cluster_of(
    folder: Path, hosts: tuple[str, ...] = (LOOPBACK,) * 3, wrap: Wrap | None = None
) -> Iterator[Cluster]:
    """Run a cluster for the length of a block."""
    certificates = Certificates(folder / "certificates", sorted({LOOPBACK, *hosts}))
    nkey = seed()
    (folder / "ada.nk").write_bytes(nkey + b"\n")
    certificate, key = certificates.server
    accounts = ACCOUNTS.format(password=PASSWORD, nkey=public_key(nkey))
    tls = f'cert_file: "{certificate}", key_file: "{key}"'
    with running(Nodes(folder, hosts, accounts, tls, wrap)) as nodes:
        cluster = Cluster(nodes, certificates, folder)
        nodes.wait_ready(cluster.login())
        yield cluster


class CountedCalls:
    """Queues calls of a function that notes each of its runs."""

    def __init__(self, lab: Lab, folder: Path, seconds: float = 0.05) -> None:
        self._lab = lab
        self._runs = folder / "runs"
        self._runs.touch()
        script = folder / "noted"
        script.write_text(f'#!/bin/sh\necho "$Http_X_Call_Id" >> {self._runs}\nsleep {seconds}\n')
        script.chmod(0o755)
        lab.deploy("noted", fprocess=str(script))
        lab.invoke("noted")  # its first replica is ready
        self.accepted: list[str] = []
        self.refused: list[int] = []

    def queue(self, count: int, within: float = 15.0) -> None:
        """Queue calls; note those that got a 202, and other answers."""
        with httpx.Client(base_url=self._lab.gateway_url, timeout=within) as http:
            for _ in range(count):
                answer = http.post("/async-function/noted")
                if answer.status_code == 202:
                    self.accepted.append(answer.headers["X-Call-Id"])
                else:
                    self.refused.append(answer.status_code)

    @property
    def runs(self) -> Counter[str]:
        """How often each accepted call has run."""
        wanted = set(self.accepted)
        return Counter(line for line in self._runs.read_text().split() if line in wanted)

    def wait(self, within: float = 120.0) -> None:
        """Wait until every accepted call has run."""
        eventually(lambda: len(self.runs) == len(self.accepted), within=within)

    @property
    def repeated(self) -> int:
        """How many runs were not the first one of their call."""
        return sum(self.runs.values()) - len(self.runs)
