"""Real nats-servers with TLS and accounts, as somebody else would run them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nkeys
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from labkit.supervisor.nats_server import find_nats_server
from labkit_services.jetstream.client_options import client_options
from labkit_services.runtime.held_port import reserve_port
from labkit_services.runtime.nats_login import NatsLogin

READY_SECONDS = 60.0
PASSWORD = "correct horse battery"
ACCOUNTS = """
accounts {{
  LAB {{ jetstream: enabled, users: [
    {{ user: "ada", password: "{password}" }},
    {{ nkey: "{nkey}" }},
    {{ user: "poor", password: "{password}", permissions: {{ publish: "nothing", subscribe: "_INBOX.>" }} }}
  ] }}
  OTHER {{ jetstream: enabled, users: [{{ user: "bob", password: "{password}" }}] }}
  PLAIN {{ users: [{{ user: "plain", password: "{password}" }}] }}
  SMALL {{
    jetstream: {{ max_streams: 3, max_file: 1G }}, users: [{{ user: "small", password: "{password}" }}]
  }}
}}
"""
_ROOM = "max_file: 100GB"
"""Streams reserve their largest size; a disk of the tests may have less."""
Wrap = Callable[[str, Sequence[str]], list[str]]


class Certificates:
    """An authority of the tests' own, and what it has signed.

    Attributes:
        ca: The authority's certificate.
        other_ca: That of another authority, which has signed nothing.
    """

    def __init__(self, folder: Path, hosts: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca, self._ca_key = self._authority("ca")
        self.other_ca, _ = self._authority("other")
        names = ",".join([f"IP:{host}" for host in hosts] + ["DNS:localhost"])
        self.server = self._signed(
            "server", f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n"
        )
        self.client = self._signed("client", "extendedKeyUsage=clientAuth\n")

    def _authority(self, name: str) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        _openssl("req", "-x509", *_new_key(key), "-subj", f"/CN={name}", "-days", "2", "-out", certificate)
        return certificate, key

    def _signed(self, name: str, extensions: str) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request, file = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        file.write_text(extensions)
        _openssl("req", *_new_key(key), "-subj", f"/CN={name}", "-out", request)
        signer = ("-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *signer, "-days", "2", "-extfile", file, "-out", certificate)
        return certificate, key


def _new_key(path: Path) -> list[str | Path]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)


class Nodes:
    """One nats-server, or several that form a cluster.

    Attributes:
        urls: The addresses, with commas between them.
        names: The nodes' names: ``node-1`` and so on.
        without_jetstream: Set it before ``start`` to have none.
    """

    def __init__(
        self,
        folder: Path,
        hosts: Sequence[str],
        authorization: str,
        tls: str = "",
        wrap: Wrap | None = None,
    ) -> None:
        """Prepare a node for each host, an IP address.

        ``authorization`` and ``tls`` (the content of its block) are parts of
        the configuration; ``wrap`` returns the command that runs another one
        on a node's host.
        """
        self.without_jetstream = False
        self._folder = folder
        self._wrap = wrap or (lambda _, command: [*command])
        self.names = [f"node-{number + 1}" for number in range(len(hosts))]
        self._hosts = dict(zip(self.names, hosts, strict=True))
        reserved = {(name, use): reserve_port() for name in self.names for use in ("client", "route")}
        self._ports = {key: port for key, (port, _) in reserved.items()}
        self._holders = [holder for _, holder in reserved.values() if holder is not None]
        scheme = "tls" if tls else "nats"
        self.urls = ",".join(f"{scheme}://{self._hosts[n]}:{self._ports[n, 'client']}" for n in self.names)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._parts = [authorization, f"tls {{ {tls} }}" if tls else ""]

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of those that run, by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def _config(self, name: str) -> str:
        host = self._hosts[name]
        lines = [
            f'server_name: "{name}"',
            f'listen: "{host}:{self._ports[name, "client"]}"',
            "" if self.without_jetstream else f'jetstream {{ store_dir: "{self._folder / name}", {_ROOM} }}',
            "max_payload: 6MB",
            *self._parts,
        ]
        if len(self.names) > 1:
            routes = ", ".join(
                f'"nats://{self._hosts[other]}:{self._ports[other, "route"]}"'
                for other in self.names
                if other != name
            )
            listen = f"{host}:{self._ports[name, 'route']}"
            lines.append(f'cluster {{ name: "tests", listen: "{listen}", routes: [{routes}] }}')
        return "\n".join(lines) + "\n"

    def start(self, *names: str) -> None:
        """Start nodes, or all."""
        for name in names or self.names:
            config = self._folder / f"{name}.conf"
            config.write_text(self._config(name))
            command = [find_nats_server(os.environ), "-c", str(config), "-l", str(self.log(name))]
            self._processes[name] = subprocess.Popen(
                self._wrap(name, command),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # A node may outlive the test that starts it again, whose mark is in many variables.
                env={key: os.environ[key] for key in ("PATH", "LABKIT_TEST_RUN") if key in os.environ},
            )

    def log(self, name: str) -> Path:
        """Return the path of a node's log."""
        return self._folder / f"{name}.log"

    def kill(self, *names: str) -> None:
        """Kill nodes (SIGKILL)."""
        for name in names:
            process = self._processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def stop(self) -> None:
        """Kill all of them, and free their ports."""
        self.kill(*self._processes)
        for holder in self._holders:
            holder.close()

    def wait_ready(self, login: NatsLogin, replicas: int | None = None) -> None:
        """Wait until streams with as many replicas can be created."""
        count = len(self.names) if replicas is None else replicas
        asyncio.run(asyncio.wait_for(_wait_ready(login, count), READY_SECONDS))


async def _wait_ready(login: NatsLogin, replicas: int) -> None:
    async with connected(login) as client:
        js = client.jetstream(timeout=1)
        while True:
            try:
                await js.add_stream(name="ready", subjects=["ready"], num_replicas=replicas)
                await js.delete_stream("ready")
                return
            except (APIError, NatsError, TimeoutError):
                await asyncio.sleep(0.2)


class connected:  # noqa: N801
    """A connection of a test, as a context manager."""

    def __init__(self, login: NatsLogin) -> None:
        self._login = login

    async def __aenter__(self) -> Client:
        self._client = Client()
        options: dict[str, Any] = {
            "reconnect_time_wait": 0.1,
            "max_reconnect_attempts": -1,
            "connect_timeout": 2,
        }

        async def ignore(_: Exception) -> None:
            """The node is not up yet."""

        await self._client.connect(**client_options(self._login), **options, error_cb=ignore)
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


@contextmanager
def running(nodes: Nodes) -> Iterator[Nodes]:
    """Run nodes for the length of a block."""
    nodes.start()
    try:
        yield nodes
    finally:
        nodes.stop()


def seed(prefix: int = nkeys.PREFIX_BYTE_USER) -> bytes:
    """Return a new NKey's seed."""
    return bytes(nkeys.encode_seed(os.urandom(32), prefix))


def public_key(of: bytes) -> str:
    """Return the public key of a seed."""
    return bytes(nkeys.from_seed(bytearray(of)).public_key).decode()


def _token(signer: bytes, subject: str, name: str, claims: dict[str, Any]) -> str:
    """Return a NATS JWT, version 2 (nats-io/jwt)."""
    body = {"iat": int(time.time()), "iss": public_key(signer), "sub": subject, "name": name, "nats": claims}
    digest = hashlib.sha256(json.dumps(body).encode()).digest()
    body["jti"] = base64.b32encode(digest).decode().rstrip("=")
    head = {"typ": "JWT", "alg": "ed25519-nkey"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, body)]
    signature = nkeys.from_seed(bytearray(signer)).sign(b".".join(parts))
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def operator_mode(creds: Path) -> str:
    """Return a configuration with an operator; write a user's ``.creds``."""
    operator, account, system, user = (
        seed(nkeys.PREFIX_BYTE_OPERATOR),
        seed(nkeys.PREFIX_BYTE_ACCOUNT),
        seed(nkeys.PREFIX_BYTE_ACCOUNT),
        seed(),
    )
    unlimited = {"subs": -1, "data": -1, "payload": -1}
    plain = {**unlimited, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
    jetstream = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    kind = {"type": "account", "version": 2}
    tokens = {
        "operator": _token(operator, public_key(operator), "op", {"type": "operator", "version": 2}),
        "account": _token(operator, public_key(account), "lab", {**kind, "limits": plain | jetstream}),
        "system": _token(operator, public_key(system), "sys", {**kind, "limits": plain}),
        "user": _token(account, public_key(user), "ada", {"type": "user", "version": 2, **unlimited}),
    }
    creds.write_text(
        f"-----BEGIN NATS USER JWT-----\n{tokens['user']}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.decode()}\n------END USER NKEY SEED------\n"
    )
    creds.chmod(0o600)
    return (
        f"operator: {tokens['operator']}\nsystem_account: {public_key(system)}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {public_key(account)}: {tokens['account']}\n"
        f"{public_key(system)}: {tokens['system']} }}\n"
    )


def context_file(path: Path, **fields: object) -> Path:
    """Write a context of the ``nats`` command."""
    path.write_text(json.dumps({name: str(value) for name, value in fields.items()}))
    path.chmod(0o600)
    return path
