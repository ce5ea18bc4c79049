"""What a service does otherwise in a container of its own."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading

import pytest

from labkit_services.runtime.service import Service


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" and not self.server.is_ill else 503)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def health_check(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labkit_services.runtime.health_check", str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(("is_ill", "code"), [(False, 0), (True, 1)])
def test_the_health_check_exits_as_the_service_answers(is_ill: bool, code: int) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.is_ill = is_ill  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert health_check(server.server_port).returncode == code
        finally:
            server.shutdown()
            thread.join()


def test_the_health_check_fails_where_nothing_listens() -> None:
    done = health_check(1)

    assert done.returncode == 1
    assert "refused" in done.stderr


def test_a_service_is_named_by_its_host_where_every_process_id_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Service("queue-worker", {}).instance == f"queue-worker-{os.getpid()}"

    monkeypatch.setattr(os, "getpid", lambda: 1)

    assert Service("queue-worker", {}).instance == f"queue-worker-{os.uname().nodename}"
