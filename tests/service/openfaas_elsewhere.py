"""An OpenFaaS that is not the lab's: our gateway, without its additions, in another process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

_SERVE = """
import pathlib, sys
sys.path[:0] = {paths!r}
from labs import start_lab
lab = start_lab(pathlib.Path({workspace!r}), environment={environment!r}, **{settings!r})
state = lab.aio.state
print(state.gateway_url, state.user, state.password, flush=True)
sys.stdin.read()
lab.stop()
"""
_OF_A_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class OpenFaas:
    """Address and login of the gateway, and the process that has started it."""

    url: str
    user: str
    password: str
    process: subprocess.Popen[str]

    def http(self) -> httpx.Client:
        auth = (self.user, self.password)
        return httpx.Client(base_url=self.url, auth=auth, timeout=30, trust_env=False)


@contextmanager
def openfaas(
    workspace: Path,
    images: Path | None = None,
    *,
    on: Callable[[list[str]], list[str]] = lambda command: command,
    **settings: Any,
) -> Iterator[OpenFaas]:
    """Run nats-server, a gateway with OpenFaaS's API only, and a queue-worker.

    ``on`` returns the command that runs another one on another host; ``images`` is what stands for a
    registry: where ``faas-cli build`` puts images.
    """
    workspace.mkdir(exist_ok=True)
    environment = {"openfaas_only": "true", **({"image_store": str(images)} if images else {})}
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), str(here.parents[1])]
    code = _SERVE.format(paths=paths, workspace=str(workspace), environment=environment, settings=settings)
    with subprocess.Popen(
        on([sys.executable, "-c", code]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield OpenFaas(*process.stdout.readline().split(), process)
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            finally:
                process.kill()


@dataclass(frozen=True)
class Exchange:
    """A request that a client made, and the gateway's answer."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Recorded:
    url: str
    exchanges: list[Exchange] = field(default_factory=list)


@contextmanager
def recorded(gateway: str) -> Iterator[Recorded]:
    """Pass requests on to a gateway, and record them as they come."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = client.request(self.command, gateway + self.path, content=body, headers=headers)
            path, _, query = self.path.partition("?")
            given = {name.lower(): value for name, value in self.headers.items()}
            found.exchanges.append(
                Exchange(self.command, path, query, given, body, answer.status_code, dict(answer.headers))
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _OF_A_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with (
        httpx.Client(timeout=70, trust_env=False) as client,
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        server.daemon_threads = True
        found = Recorded(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
