"""``faas-cli invoke --auth`` against a gateway with OpenFaaS's IAM.

The lab's gateway has none, so this one is a plain HTTP server with its two routes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import yaml

FAAS_CLI = str(Path(sys.executable).with_name("faas-cli"))
FORM = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "subject_token": "ID",
    "audience": "dev:fn",
    "scope": "function",
}


class Gateway:
    """A gateway with IAM, which records its requests.

    Attributes:
        protected: Whether the function requires a token.
        grants: Whether the login permits one.
        forms: The forms posted to ``/oauth/token``.
        calls: The ``Authorization`` of every call, or None.
    """

    def __init__(self) -> None:
        self.url = ""
        self.protected = True
        self.grants = True
        self.forms: list[dict[str, str]] = []
        self.calls: list[str | None] = []


@contextmanager
def _serving(gateway: Gateway) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/oauth/token":
                gateway.forms.append(dict(parse_qsl(body.decode())))
                if gateway.grants:
                    self._respond(200, json.dumps({"access_token": "FN-TOKEN"}).encode())
                else:
                    self._respond(403, b"no policy\n")
                return
            gateway.calls.append(self.headers["Authorization"])
            if gateway.protected and gateway.calls[-1] != "Bearer FN-TOKEN":
                self._respond(401, b"no token", ("WWW-Authenticate", 'Bearer realm="IAM function invoke"'))
            else:
                self._respond(200, body)

        def _respond(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    with _serving(gateway):
        yield gateway


def invoke(gateway: Gateway, folder: Path, *flags: str, login: str) -> tuple[int, str]:
    """Invoke the function after a login; return exit code and output."""
    token = {"oauth2": "ID", "basic": "YWRtaW46cGFzcw=="}[login]
    logins = {"auths": [{"gateway": gateway.url, "auth": login, "token": token}]}
    (folder / "config.yml").write_text(yaml.safe_dump(logins))
    done = subprocess.run(
        [FAAS_CLI, "invoke", "fn", "-n", "dev", "-g", gateway.url, *flags],
        input="body",
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "OPENFAAS_CONFIG": str(folder),
            "LABKIT_WORKSPACE": str(folder),
            "LABKIT_FAAS_CLI": "builtin",
        },
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.row("4.5 --auth")
def test_auth_exchanges_the_login_token_for_a_function_token(gateway: Gateway, tmp_path: Path) -> None:
    assert invoke(gateway, tmp_path, "--auth", login="oauth2") == (0, "body")
    assert (gateway.forms, gateway.calls) == ([FORM], ["Bearer FN-TOKEN"])


@pytest.mark.row("4.5 --auth")
def test_a_function_that_requires_a_token_gets_one_without_the_flag(gateway: Gateway, tmp_path: Path) -> None:
    assert invoke(gateway, tmp_path, login="oauth2") == (0, "body")
    assert (gateway.forms, gateway.calls) == ([FORM], [None, "Bearer FN-TOKEN"])


@pytest.mark.row("4.5 --auth")
def test_a_function_that_requires_no_token_gets_none_without_the_flag(
    gateway: Gateway, tmp_path: Path
) -> None:
    gateway.protected = False

    assert invoke(gateway, tmp_path, login="oauth2") == (0, "body")
    assert (gateway.forms, gateway.calls) == ([], [None])


@pytest.mark.row("4.5 --auth")
@pytest.mark.parametrize("flags", [[], ["--auth"]])
def test_the_gateway_password_is_never_sent_to_a_function(
    flags: list[str], gateway: Gateway, tmp_path: Path
) -> None:
    code, printed = invoke(gateway, tmp_path, *flags, login="basic")

    assert (code, printed) == (1, "Server returned unexpected status code: 401 - no token\n")
    assert (gateway.forms, gateway.calls) == ([], [None])


def test_a_login_without_permission_is_an_error(gateway: Gateway, tmp_path: Path) -> None:
    gateway.grants = False

    code, printed = invoke(gateway, tmp_path, "--auth", login="oauth2")

    assert code == 1
    assert printed == (
        "Failed to invoke function: failed to get function access token: "
        "cannot fetch token: 403 Forbidden\nResponse: no policy\n\n"
    )
    assert gateway.calls == []
