"""The lab's page and gateway behind a real Jupyter server, below ``/user/x/``."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually
from gateways import client as gateway_client
from gateways import deploy
from jupyter_servers import TOKEN, JupyterServer, jupyter_server
from labkit_command import ANY_PORTS, labkit
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment
from labkit.owner_sockets import OwnerSockets
from labkit.workspace import Workspace

LOGIN = {"Authorization": f"token {TOKEN}"}
BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SECRETS = {
    "Cookie": "username-x=c00kie; _xsrf=xs4f",
    "X-XSRFToken": "xs4f",
    "Referer": f"http://hub.example.org/user/x/lab?token={TOKEN}",
    "X-Forwarded-For": "203.0.113.77",
    "X-Forwarded-Email": "jo@example.org",
    "X-Real-IP": "203.0.113.77",
    "Forwarded": "for=203.0.113.77",
}
"""What a Hub's browser and its proxies send along, besides the token."""
LEAKS = (TOKEN, "c00kie", "xs4f", "203.0.113.77", "jo@example.org", "Referer", "/user/x")


class Served:
    """A Jupyter server in a lab's workspace, and clients of both."""

    def __init__(self, lab: Lab, server: JupyterServer) -> None:
        self.lab, self.server = lab, server
        self.http = httpx.Client(base_url=server.url, headers=LOGIN, trust_env=False, timeout=30)
        self.sockets = OwnerSockets.of(lab.aio.workspace)

    def bin_names(self) -> list[str]:
        return [each["name"] for each in self.http.get("labkit/api/v1/bins").json()["bins"]]

    def by_socket(self, service: str) -> httpx.Client:
        """Return a client of a service's socket, with the ``Host`` of a Hub."""
        transport = httpx.HTTPTransport(uds=self.sockets.path(service))
        return httpx.Client(base_url="http://hub.example.org", transport=transport, timeout=30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    lab = start_lab(root)
    environment.leave(lab.aio.state)
    with jupyter_server(root, tmp_path_factory.mktemp("home")) as server:
        served = Served(lab, server)
        with gateway_client(lab) as http:
            deploy(http, "env", "env")
            deploy(http, "cat", "cat")
        yield served
        served.http.close()
    lab.stop()


def assert_no_leak(text: str) -> None:
    assert not [leak for leak in LEAKS if leak in text], text


# -- who gets in


@pytest.mark.parametrize(
    "path", ["labkit/", "labkit/api/v1/bins", "labkit-gateway/function/env", "labkit/r/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_gets_in_without_jupyters_login(served: Served, method: str, path: str) -> None:
    answer = httpx.request(method, served.server.url + path, trust_env=False)
    assert answer.status_code in (302, 403)
    assert "inspector" not in answer.text
    assert answer.status_code == 403 or "/user/x/login" in answer.headers["Location"]
    assert "x" not in served.bin_names()


def test_the_page_needs_no_token_behind_jupyters_login_and_still_does_at_its_port(served: Served) -> None:
    page = served.http.get("labkit/", headers=BROWSER)
    assert page.status_code == 200
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    assert served.http.get("labkit/api/v1/status").json()["run_id"] == served.lab.aio.state.run_id
    assert httpx.get(f"{served.lab.inspector_url}/api/v1/status", trust_env=False).status_code == 401
    assert served.http.get("labkit-gateway/system/functions").status_code == 200
    assert httpx.get(f"{served.lab.gateway_url}/system/functions", trust_env=False).status_code == 401


def test_the_address_without_its_last_slash_leads_to_the_page(served: Served) -> None:
    assert served.http.get("labkit").headers["Location"] == "/user/x/labkit/"
    assert served.http.get("labkit-gateway/ui/").headers["Location"].removesuffix("/") == "../../labkit"


def test_only_the_owner_can_connect_to_the_sockets(served: Served) -> None:
    folder = Path(served.sockets.folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    for service in ("inspector", "gateway"):
        assert Path(served.sockets.path(service)).stat().st_mode & 0o777 == 0o600
        assert len(served.sockets.path(service).encode()) < 100


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_users_process_can_not_connect(served: Served) -> None:
    code = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    command = ["/usr/bin/env", "python3", "-c", code, served.sockets.path("inspector")]
    done = subprocess.run(
        command, user=65534, capture_output=True, text=True, timeout=30, cwd="/", check=False
    )
    assert "PermissionError" in done.stderr


# -- what Jupyter sends along


def test_a_function_sees_nothing_of_jupyters_login(served: Served) -> None:
    answer = served.http.post(
        f"labkit-gateway/function/env/p?a=1&token={TOKEN}&b=%20", headers=SECRETS, content="x"
    )
    assert answer.status_code == 200, answer.text
    assert "Http_Query=a=1&b=%20" in answer.text
    assert "Http_Path=/p" in answer.text
    assert_no_leak(answer.text)
    assert "Http_Authorization" not in answer.text
    assert "Http_Cookie" not in answer.text


def test_neither_a_bin_nor_an_asynchronous_call_nor_a_log_keeps_jupyters_login(served: Served) -> None:
    sent = served.http.post(f"labkit/r/kept?token={TOKEN}", headers={**SECRETS, "X-Mine": "1"}, content="hi")
    assert sent.status_code == 200
    callback = served.lab.bin("callbacks")
    headers = {**SECRETS, "X-Callback-Url": callback.url, "X-Call-Id": "behind-jupyter"}
    queued = served.http.post(f"labkit-gateway/async-function/env?token={TOKEN}", headers=headers)
    assert queued.status_code == 202
    request = callback.wait(call_id="behind-jupyter")
    assert_no_leak(request.body.decode())

    kept = served.http.get("labkit/api/v1/bins/kept/requests").json()["requests"]
    document = served.http.get(f"labkit/api/v1/bins/kept/requests/{kept[0]['id']}").text
    assert "X-Mine" in document
    assert_no_leak(document)
    assert_no_leak(served.http.get("labkit/api/v1/calls/behind-jupyter").text)
    logs = served.lab.aio.workspace.logs
    assert_no_leak("".join(path.read_text() for path in logs.iterdir()))


def test_a_function_sets_no_cookie_on_jupyters_origin_and_its_page_has_no_origin(served: Served) -> None:
    served.http.post("labkit/api/v1/bins", json={"name": "cookies"})
    rule = [{"status": 200, "headers": {"Set-Cookie": "_xsrf=stolen", "Content-Type": "text/html"}}]
    made = served.http.put("labkit/api/v1/bins/cookies/responses", json=rule)
    assert made.status_code < 300, made.text
    answer = served.http.post("labkit/r/cookies")
    assert "stolen" not in str(answer.headers)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    page = served.http.get("labkit-gateway/function/cat")
    assert page.headers["Content-Security-Policy"].startswith("sandbox ")
    assert "allow-same-origin" not in page.headers["Content-Security-Policy"]


def test_a_response_changes_nothing_of_jupyters_origin(served: Served) -> None:
    headers = {
        "Service-Worker-Allowed": "/",
        "Strict-Transport-Security": "max-age=9999",
        "Alt-Svc": 'h3=":1"',
        "X-Accel-Redirect": "/etc/passwd",
    }
    served.http.post("labkit/api/v1/bins", json={"name": "origin"})
    rule = [{"status": 200, "headers": {**headers, "X-Plain": "yes"}}]
    assert served.http.put("labkit/api/v1/bins/origin/responses", json=rule).status_code < 300
    answer = served.http.get("labkit/r/origin")
    assert answer.headers["X-Plain"] == "yes"
    assert not {name for name in headers if name in answer.headers}


def test_a_function_does_not_log_the_browser_out_of_jupyter(served: Served) -> None:
    result = {"statusCode": 200, "headers": {"Clear-Site-Data": '"*"', "X-Plain": "yes"}}
    served.lab.deploy_handler("clears", f"def handle(event, context):\n    return {result}")
    answer = served.http.get("labkit-gateway/function/clears")
    assert answer.headers["X-Plain"] == "yes"
    assert "Clear-Site-Data" not in answer.headers


@pytest.mark.parametrize("service", ["labkit", "labkit-gateway"])
def test_a_websocket_gets_the_response_to_a_plain_request(served: Served, service: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert served.http.get(f"{service}/healthz", headers=upgrade).status_code == 200


@pytest.mark.parametrize(
    ("method", "body"),
    [("PATCH", b""), ("GET", b"x"), ("DELETE", b"x")],
)
def test_any_method_may_have_a_body_or_none(served: Served, method: str, body: bytes) -> None:
    answer = served.http.request(method, "labkit-gateway/function/cat", content=body)
    assert (answer.status_code, answer.content) == (200, body)


# -- other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", **BROWSER, "Sec-Fetch-Dest": "iframe"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "labkit/api/v1/bins"),
        ("POST", "labkit/api/v1/bins"),
        ("POST", "labkit/r/evil"),
        ("GET", "labkit-gateway/function/env"),
        ("GET", "labkit-gateway/%66unction/env"),
        ("POST", "labkit-gateway/async-function/env"),
        ("POST", "labkit-gateway/system/functions"),
    ],
)
def test_another_sites_page_is_refused(
    served: Served, headers: dict[str, str], method: str, path: str
) -> None:
    answer = served.http.request(method, path, headers=headers)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"] == "the request comes from another site's page"
    assert "evil" not in served.bin_names()


def test_another_sites_link_opens_the_page_but_no_frame_does(served: Served) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", **BROWSER}
    assert served.http.get("labkit/", headers=foreign).status_code == 200
    framed = served.http.get("labkit/", headers={**foreign, "Sec-Fetch-Dest": "iframe"})
    assert framed.status_code == 403
    own = {**BROWSER, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
    assert served.http.get("labkit/", headers=own).status_code == 200


@pytest.mark.parametrize(
    "outer",
    [{"Host": "hub.example.org"}, {"Host": "10.0.0.7:8888", "X-Forwarded-Host": "hub.example.org, inner"}],
)
def test_behind_a_hub_the_outer_host_is_the_pages_own(served: Served, outer: dict[str, str]) -> None:
    with served.by_socket("inspector") as http:
        own, other = "https://hub.example.org", "https://evil.example.org"
        assert http.get("/api/v1/bins", headers=outer).status_code == 200
        made = http.put("/api/v1/bins/hub", headers={**outer, "Origin": own}, json={})
        assert made.status_code < 300, made.text
        assert http.post("/api/v1/bins", headers={**outer, "Origin": other}).status_code == 403
    direct = httpx.get(
        f"{served.lab.inspector_url}/api/v1/bins",
        headers={
            **outer,
            "Host": "hub.example.org",
            "Authorization": f"Bearer {served.lab.aio.state.inspector_token}",
        },
        trust_env=False,
    )
    assert direct.status_code == 403


# -- streams, waits, sizes


def test_events_arrive_while_they_happen_and_the_stream_ends_with_its_reader(served: Served) -> None:
    inspector = next(
        process
        for process in psutil.Process(served.lab.aio.state.pid).children(recursive=True)
        if "labkit_services.inspector" in " ".join(process.cmdline())
    )

    def connections() -> int:
        return len([c for c in inspector.net_connections("unix") if c.laddr.endswith("inspector.sock")])

    before = connections()
    accept = {"Accept": "text/event-stream"}
    with served.http.stream("GET", "labkit/api/v1/calls/events", headers=accept) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        next(line for line in lines if line == "event: hello")
        assert connections() > before
        begun = time.monotonic()
        served.http.post("labkit-gateway/function/env", headers={"X-Call-Id": "streamed"})
        next(line for line in lines if "streamed" in line)
        assert time.monotonic() - begun < 3
    eventually(lambda: connections() <= before, connections, within=20)


def test_a_long_poll_waits_for_a_request(served: Served) -> None:
    served.http.post("labkit/r/polled")
    timer = threading.Timer(
        0.5, lambda: httpx.post(served.lab.bin("polled").url, content="late", trust_env=False)
    )
    timer.start()
    begun = time.monotonic()
    answer = served.http.get("labkit/api/v1/bins/polled/requests?wait=10s&min=2")
    timer.join()
    assert answer.status_code == 200, answer.text
    assert 0.3 < time.monotonic() - begun < 8


def test_a_large_body_passes_in_both_directions(served: Served) -> None:
    body = os.urandom(20 * 1024 * 1024)
    answer = served.http.post("labkit-gateway/function/cat", content=body)
    assert answer.status_code == 200
    assert answer.content == body


# -- a lab that comes and goes


@pytest.fixture
def alone(workspace: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a Jupyter server in a folder without a lab."""
    (workspace / "notebooks").mkdir()
    (workspace / ".git").mkdir()
    with (
        jupyter_server(workspace / "notebooks", tmp_path) as server,
        httpx.Client(base_url=server.url, headers=LOGIN, trust_env=False, timeout=30) as http,
    ):
        yield http


def test_the_page_waits_for_a_lab_and_for_the_next_one_after_a_kill(
    workspace: Path, alone: httpx.Client
) -> None:
    sockets = OwnerSockets.of(Workspace(workspace))
    page = alone.get("labkit/", headers=BROWSER)
    assert page.status_code == 503
    assert "first cell of a notebook" in page.text
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    refused = alone.get("labkit/api/v1/bins")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert set(refused.json()) == {"error", "expected", "seen", "next"}
    assert alone.post("labkit-gateway/function/env").json()["error"] == refused.json()["error"]

    labkit(workspace, "up", *ANY_PORTS)
    state = Workspace(workspace).read_state()
    assert state is not None
    assert alone.get("labkit/healthz").status_code == 200
    os.kill(state.pid, signal.SIGKILL)
    eventually(lambda: alone.get("labkit/healthz").status_code == 503, within=20)
    assert os.path.exists(sockets.path("inspector"))  # nobody could remove it

    labkit(workspace, "up", *ANY_PORTS)
    following = Workspace(workspace).read_state()
    assert following is not None
    assert alone.get("labkit/api/v1/status").json()["run_id"] == following.run_id != state.run_id
    labkit(workspace, "down")
    assert not os.path.lexists(sockets.folder)
    assert alone.get("labkit/").status_code == 503


def test_a_restarted_service_listens_on_its_socket_again(workspace: Path) -> None:
    sockets = OwnerSockets.of(Workspace(workspace))

    def pid() -> int:
        transport = httpx.HTTPTransport(uds=sockets.path("inspector"))
        with httpx.Client(base_url="http://lab", transport=transport) as http:
            try:
                return int(http.get("/api/v1/status").json()["pid"])
            except httpx.TransportError:
                return 0

    labkit(workspace, "up", *ANY_PORTS)
    try:
        first = pid()
        labkit(workspace, "fault", "inspector", "kill")
        eventually(lambda: pid() not in (0, first), pid)
    finally:
        labkit(workspace, "down")


@pytest.mark.parametrize("trap", ["link", "file", "open"])
def test_a_folder_that_somebody_prepared_is_not_used(workspace: Path, alone: httpx.Client, trap: str) -> None:
    folder = Path(OwnerSockets.of(Workspace(workspace)).folder)
    elsewhere = workspace / "elsewhere"
    elsewhere.mkdir()
    if trap == "link":
        folder.symlink_to(elsewhere)
    elif trap == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    try:
        labkit(workspace, "up", *ANY_PORTS)  # it is complete without
        assert "no sockets for Jupyter's server" in (workspace / ".labkit/logs/supervisor.log").read_text()
        answer = alone.get("labkit/api/v1/bins")
        assert answer.status_code == 503
        assert str(folder) in answer.text
        assert str(folder) in alone.get("labkit/", headers=BROWSER).text
        labkit(workspace, "down")
        assert os.path.lexists(folder)
        assert not list(elsewhere.iterdir())
    finally:
        folder.rmdir() if trap == "open" else folder.unlink()


def test_the_launcher_has_one_tile_with_an_icon(alone: httpx.Client) -> None:
    servers = alone.get("server-proxy/servers-info").json()["server_processes"]
    tiles = [server for server in servers if server["launcher_entry"]["enabled"]]
    assert [(tile["name"], tile["new_browser_tab"]) for tile in tiles] == [("labkit", False)]
    entry = tiles[0]["launcher_entry"]
    assert (entry["title"], entry["path_info"]) == ("Lab page", "labkit/")
    icon = alone.get(entry["icon_url"].removeprefix("/user/x/"))
    assert icon.headers["Content-Type"] == "image/svg+xml"
    assert icon.text.startswith("<svg")


def test_waiting_for_a_lab_is_not_logged_each_second(alone: httpx.Client, tmp_path: Path) -> None:
    for _ in range(3):
        assert alone.get("labkit/healthz").status_code == 503
    log = (tmp_path / "jupyter.log").read_text()
    assert "labkit/healthz" not in log
    assert TOKEN not in log.replace(f"token={TOKEN}", "")
