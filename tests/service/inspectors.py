"""Start a real inspector for a test, and use it over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from wire import Wire, WireResponse

DEADLINE = 20.0
HOST = "Host: 127.0.0.1"
COMMAND = [sys.executable, "-P", "-m", "labkit_services.inspector"]


@dataclass
class Inspector:
    """A running inspector."""

    url: str
    process: subprocess.Popen[bytes]
    api: httpx.Client
    log: list[str] = field(default_factory=list)
    stopped: bool = False
    """Whether the test itself stopped it."""

    async def connect(self) -> Wire:
        address = urlsplit(self.url)
        return Wire(*await asyncio.open_connection(address.hostname, address.port))

    async def raw(self, data: bytes, method: str = "POST") -> WireResponse:
        """Send exactly these bytes over a connection of their own."""
        wire = await self.connect()
        wire.send(data)
        try:
            return await wire.response(method)
        finally:
            await wire.close()

    async def send(self, path: str, body: bytes = b"", *headers: str, method: str = "POST") -> WireResponse:
        """Send a request with exactly these headers, and a ``Host`` before."""
        lines = "".join(f"{line}\r\n" for line in (HOST, *headers, f"Content-Length: {len(body)}"))
        return await self.raw(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body, method)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON response of the API."""
        response = self.api.get(f"/api/v1{path}", params=query)
        assert response.status_code == 200, response.text
        return response.json()


@contextlib.contextmanager
def inspector(**settings: str) -> Iterator[Inspector]:
    """Run an inspector; it must stop quickly and without an error."""
    environment = {"port": "0", **settings}
    process = subprocess.Popen(
        COMMAND,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log: list[str] = []
    stderr = process.stderr
    reader = threading.Thread(target=lambda: log.extend(line.decode().rstrip("\n") for line in stderr))
    reader.start()
    try:
        line = process.stdout.readline()
        if not line:  # it ended: its log is complete at the end of stderr
            reader.join(DEADLINE)
        assert line, f"no ready line; log: {log}"
        ready = json.loads(line)
        assert ready["ready"] == "inspector"
        assert ready["pid"] == process.pid
        token = settings.get("inspector_token", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=ready["url"], headers=headers, trust_env=False, timeout=DEADLINE) as api:
            running = Inspector(ready["url"], process, api, log)
            yield running
        assert running.stopped or process.poll() is None, f"it ended early: {log}"
        begun = time.monotonic()
        process.terminate()
        code = process.wait(DEADLINE)
        reader.join(DEADLINE)
        assert code == 0 or (running.stopped and code == -signal.SIGKILL), (code, log)
        assert time.monotonic() - begun < 4
        reader.join(DEADLINE)
        assert not [line for line in log if " error " in line or "Traceback" in line], log
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(DEADLINE)
        process.stdout.close()
        stderr.close()


@contextlib.contextmanager
def nats_server(*, port: int = -1, store: Path | None = None) -> Iterator[str]:
    """Run a nats-server on ``port``, any free one for -1; yield its URL.

    With a ``store`` it has JetStream, and its files there.
    """
    program = Path(sys.executable).with_name("nats-server")
    command = [str(program), "-a", "127.0.0.1", "-p", str(port)]
    if store is not None:
        command += ["-js", "-sd", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if b"Listening for client connections on" in line:
                url = f"nats://{line.decode().split()[-1]}"
            if b"Server is ready" in line:
                break
        else:
            raise AssertionError("nats-server did not start")
        yield url
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
