"""Mode static: files from a folder.

Expected are the observed responses of Go 1.27's ``http.FileServer``.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from gateways import client, deploy
from watchdogs import DEADLINE, RunningWatchdog, watchdog

from labkit import Lab
from labkit.openfaas_cli.dockerfile import read_dockerfile
from labkit_services.images.store import Image, ImageStore

SECRET = b"not for everybody"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of files, with a file beside it that must not be served."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    site = tmp_path / "public"
    for folder in ("sub", "bare/deeper"):
        (site / folder).mkdir(parents=True)
    files = {
        "index.html": b"<h1>home</h1>",
        "sub/index.html": b"sub",
        "a.txt": b"hello",
        "bare/b <c>.bin": b"\0",
        "style.css": b"p {}",
        "code.js": b"1",
        "data.json": b"{}",
        "picture": b"\x89PNG\r\n\x1a\n",
        "empty": b"",
    }
    for name, content in files.items():
        (site / name).write_bytes(content)
    return site


@pytest.fixture
def running(tmp_path: Path, site: Path) -> Iterator[RunningWatchdog]:
    with watchdog(tmp_path, mode="static", static_path=str(site)) as running:
        yield running


@pytest.mark.row("3.2 static")
def test_files_are_served_with_their_type_length_and_date(running: RunningWatchdog, site: Path) -> None:
    types = {
        "/": "text/html; charset=utf-8",
        "/sub/": "text/html; charset=utf-8",
        "/a.txt": "text/plain; charset=utf-8",
        "/style.css": "text/css; charset=utf-8",
        "/code.js": "text/javascript; charset=utf-8",
        "/data.json": "application/json",
        "/picture": "image/png",
        "/empty": "text/plain; charset=utf-8",
        "/bare/b%20%3Cc%3E.bin": "application/octet-stream",
    }
    os.utime(site / "a.txt", (0, 1_000_000_000))

    for path, content_type in types.items():
        answer = running.call("GET", path)
        name = path.replace("%20", " ").replace("%3C", "<").replace("%3E", ">").lstrip("/")
        file = site / name if not path.endswith("/") else site / name / "index.html"
        assert (answer.status, answer.body) == (200, file.read_bytes())
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Content-Length"] == str(len(answer.body))
    assert running.call("GET", "/a.txt").headers["Last-Modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert running.logged("Serving files at") == [f"Serving files at: {site}"]


@pytest.mark.row("3.2 static")
def test_head_gets_only_the_head_and_keeps_the_connection(running: RunningWatchdog) -> None:
    with contextlib.closing(running.connect()) as connection:
        for path in ("/a.txt", "/bare/", "/none", "/a.txt"):
            size = len(running.call("GET", path).body)
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.read(), answer.getheader("Content-Length")) == (b"", str(size))


@pytest.mark.row("3.2 static")
@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Sun, 09 Sep 2001 01:46:40 GMT", 304),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("Sun, 09 Sep 2001 01:46:39 GMT", 200),
        ("yesterday", 200),
    ],
)
def test_an_unmodified_file_is_not_sent_again(
    running: RunningWatchdog, site: Path, since: str, status: int
) -> None:
    os.utime(site / "a.txt", (0, 1_000_000_000.9))
    os.utime(site / "bare", (0, 1_000_000_000.9))

    for path in ("/a.txt", "/bare/"):
        answer = running.call("GET", path, headers={"If-Modified-Since": since})
        assert answer.status == status
        assert (answer.body == b"") == (status == 304)
    assert running.call("POST", "/a.txt", headers={"If-Modified-Since": since}).body == b"hello"


@pytest.mark.row("3.2 static")
@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/sub", "sub/"),
        ("/sub?x=1", "sub/?x=1"),
        ("/bare/deeper", "deeper/"),
        ("/a.txt/", "../a.txt"),
        ("/index.html", "./"),
        ("//a.txt", "/a.txt"),
        ("/sub/../a.txt", "/a.txt"),
        ("/sub/./", "/sub/"),
        ("/%0d%0aX-Injected:%20yes/../x", "/x"),
        ("/x/../%0d%0aX-Injected:%20yes", "/%0D%0AX-Injected:%20yes"),
    ],
)
def test_other_spellings_of_a_path_are_redirected(running: RunningWatchdog, path: str, location: str) -> None:
    answer = running.call("GET", path)

    assert (answer.status, answer.headers["Location"]) == (301, location)
    assert answer.headers["X-Injected"] is None


@pytest.mark.row("3.2 static")
@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/../../secret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/..\\secret.txt",
        "/.../secret.txt",
        "//secret.txt",
        "../secret.txt",
        "/..%00/secret.txt",
        "/%252e%252e/secret.txt",
        "http://host/../secret.txt",
        "/sub/..;/secret.txt",
    ],
)
def test_nothing_outside_the_folder_is_served(running: RunningWatchdog, path: str) -> None:
    with socket.create_connection(("127.0.0.1", running.port()), DEADLINE) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            answer = stream.read()

    assert answer.split(b" ", 2)[1] in (b"301", b"400", b"404")
    assert SECRET not in answer
    if location := next((line for line in answer.split(b"\r\n") if line.startswith(b"Location: ")), b""):
        assert running.call("GET", location.decode().removeprefix("Location: ")).status == 404


@pytest.mark.row("3.2 static")
def test_a_folder_without_an_index_is_listed_with_escaped_names(running: RunningWatchdog) -> None:
    answer = running.call("GET", "/bare/")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.body.decode().splitlines()[2:] == [
        "<pre>",
        '<a href="b%20%3Cc%3E.bin">b &lt;c&gt;.bin</a>',
        '<a href="deeper/">deeper/</a>',
        "</pre>",
    ]


@pytest.mark.parametrize("path", ["/none", "/a.txt/none", "/none/", "/%00", "/a.txt%00"])
def test_a_missing_file_is_a_404(running: RunningWatchdog, path: str) -> None:
    answer = running.call("GET", path)

    assert (answer.status, answer.body) == (404, b"404 page not found\n")


def test_a_named_pipe_is_rejected_without_blocking(running: RunningWatchdog, site: Path) -> None:
    os.mkfifo(site / "pipe")
    (site / "zero").symlink_to("/dev/zero")

    for path in ("/pipe", "/zero"):
        answer = running.call("GET", path)
        assert (answer.status, answer.body) == (403, b"403 Forbidden\n")
    assert running.call("GET", f"/{'x' * 5000}").status == 500


def test_a_large_file_is_sent_in_parts_and_closed_if_the_client_disconnects(
    running: RunningWatchdog, site: Path
) -> None:
    size = 64 * 1024 * 1024
    with (site / "large").open("wb") as file:
        file.truncate(size)
    process = psutil.Process(running.pid)
    assert running.call("GET", "/a.txt").status == 200
    before = process.memory_info().rss

    with contextlib.closing(running.connect()) as connection:
        connection.request("GET", "/large")
        answer = connection.getresponse()
        assert sum(len(part) for part in iter(lambda: answer.read(1 << 20), b"")) == size
        connection.request("HEAD", "/large")
        assert connection.getresponse().getheader("Content-Length") == str(size)
    for _ in range(5):
        with running.open("/large"):
            pass
    eventually(lambda: not process.open_files())
    assert process.memory_info().rss - before < 16 * 1024 * 1024


def test_it_is_ready_at_once_and_counts_requests_like_every_mode(running: RunningWatchdog) -> None:
    assert running.call("GET", "/_/ready").status == 200
    running.call("GET", "/a.txt")
    running.call("GET", "/none")

    found = running.scrape()
    assert found['http_requests_total{code="200",method="get"}'] == 1
    assert found['http_requests_total{code="404",method="get"}'] == 1


@pytest.mark.row("3.2 static")
def test_an_image_s_folder_is_served_without_a_command(lab: Lab, tmp_path: Path) -> None:
    function = tmp_path / "site"
    (function / "public").mkdir(parents=True)
    (function / "public" / "index.html").write_text("from the image")
    (function / "Dockerfile").write_text(
        "FROM scratch\nWORKDIR /home/app\nCOPY public /home/app/public\nENV mode=static\n"
    )
    store = ImageStore(lab.aio.workspace.images)
    build = read_dockerfile(function, store.get, {})
    build.lay_out(tmp_path / "root")
    store.put(Image("site:latest", build.fprocess, build.environment, build.workdir), tmp_path / "root")

    with client(lab) as http:
        deploy(http, "site", "", image="site:latest")
        answer = http.get("/function/site/")

    assert (answer.status_code, answer.text) == (200, "from the image")
