"""Gateways that can't be used: each is one clear error."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

import pytest

from labkit import Lab
from labkit.errors import CallbackUrlError, InvalidValueError, RemoteGatewayError

INFO = b'{"provider":{"provider":"some","version":{},"orchestration":"process"},"version":{}}'


class Answers(BaseHTTPRequestHandler):
    """Answers /system/info as an OpenFaaS does, and breaks off all calls."""

    info = INFO

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.info)))
        self.end_headers()
        self.wfile.write(self.info)

    def do_POST(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Page(Answers):
    """Some other web server."""

    info = b"<html>Welcome</html>"


@contextmanager
def server(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        if tls is not None:
            found.socket = tls.wrap_socket(found.socket, server_side=True)
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_port
        found.shutdown()


def connect(url: str, workspace: Path, **options: str) -> Lab:
    return Lab.connect(url, "admin", "secret-word", workspace=workspace, **options)


def test_nothing_listens(workspace: Path) -> None:
    with pytest.raises(RemoteGatewayError, match="can't be reached") as raised:
        connect("http://127.0.0.1:9", workspace)
    assert "http://127.0.0.1:9/healthz" in raised.value.next_step


def test_no_such_host(workspace: Path) -> None:
    with pytest.raises(RemoteGatewayError, match="can't be reached"):
        connect("http://no-such-host.invalid:8080", workspace)


def test_no_openfaas(workspace: Path) -> None:
    with server(Page) as port, pytest.raises(RemoteGatewayError, match="is not an OpenFaaS") as raised:
        connect(f"http://127.0.0.1:{port}", workspace)
    assert "Welcome" in raised.value.seen


def test_another_protocol(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"220 mail ready\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(RemoteGatewayError):
            connect(f"http://127.0.0.1:{listener.getsockname()[1]}", workspace)


def test_a_gateway_that_does_not_answer(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.remote.gateway_client._CHECK_SECONDS", 0.5)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(RemoteGatewayError, match="does not answer"),
    ):
        connect(f"http://127.0.0.1:{listener.getsockname()[1]}", workspace)


def test_a_certificate_that_is_not_trusted(workspace: Path, tmp_path: Path) -> None:
    with server(Answers, _self_signed(tmp_path)) as port:
        with pytest.raises(RemoteGatewayError, match="no trusted TLS connection") as raised:
            connect(f"https://127.0.0.1:{port}", workspace)
        assert "SSL_CERT_FILE" in raised.value.next_step


def test_https_where_there_is_http(workspace: Path) -> None:
    with server(Answers) as port, pytest.raises(RemoteGatewayError, match="no trusted TLS connection"):
        connect(f"https://127.0.0.1:{port}", workspace)


def test_a_private_authority_is_trusted_by_the_usual_variable(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = _self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with server(Answers, tls) as port, connect(f"https://127.0.0.1:{port}", workspace) as lab:
        assert lab.gateway_url.startswith("https://")


def test_a_connection_that_is_lost_in_a_call(workspace: Path) -> None:
    with (
        server(Answers) as port,
        connect(f"http://127.0.0.1:{port}", workspace) as lab,
    ):
        for call in (lab.invoke, lab.invoke_async):
            with pytest.raises(RemoteGatewayError, match="was lost in POST") as raised:
                call("cat", "x")
            assert "not known" in raised.value.next_step
        assert [call.client_error != "" for call in lab.calls()] == [True, True]


def test_urls_that_are_none(workspace: Path) -> None:
    for url in ("ftp://gateway", "http://", "http://gateway:port", "http://gateway?x=1", "http://[::1"):
        with pytest.raises(InvalidValueError, match="no URL of an OpenFaaS"):
            connect(url, workspace)


def test_a_login_that_is_not_complete(workspace: Path) -> None:
    with pytest.raises(InvalidValueError, match="not complete"):
        Lab.connect("http://127.0.0.1:9", "admin", workspace=workspace)


def test_a_password_in_the_url_is_never_shown(workspace: Path) -> None:
    with pytest.raises(RemoteGatewayError) as raised:
        Lab.connect("http://admin:secret-word@127.0.0.1:9", workspace=workspace)
    assert "secret-word" not in str(raised.value)


def test_a_gateway_with_an_ipv6_address(workspace: Path) -> None:
    class Ipv6Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6

    try:
        found = Ipv6Server(("::1", 0), Answers)
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    with found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        with connect(f"http://[::1]:{found.server_port}", workspace) as lab:
            assert lab.bin("mine").url.startswith("http://[::1]:")
        found.shutdown()


def test_a_callback_port_that_is_taken(workspace: Path) -> None:
    with server(Answers) as port, HTTPServer(("127.0.0.1", 0), Answers) as other:
        with pytest.raises(CallbackUrlError, match="can't be received") as raised:
            connect(
                f"http://127.0.0.1:{port}", workspace, callback_url=f"http://127.0.0.1:{other.server_port}"
            )
        assert "another port" in raised.value.next_step


def _self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's side of TLS for 127.0.0.1, and write its certificate."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    new_key = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-days", "2"]
    names = ["-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", *new_key, *names, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
