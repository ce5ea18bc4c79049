"""Access to every route of the inspector, by its OpenAPI document; and where it may send to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from inspectors import DEADLINE, Inspector, inspector, nats_server

from labkit_services.inspector.routes import about

TOKEN = "secret-token-of-the-tests"
ROUTES = sorted(
    (method.upper(), path)
    for path, item in json.loads(about.document.json)["paths"].items()
    for method in item.keys() - {"parameters"}
)
API = [route for route in ROUTES if route[1].startswith("/api/")]
CHANGES = [route for route in API if route[0] != "GET"]
NAMES = {"bin": "kept", "id": "latest", "method": "POST", "queue": "faas-request", "function": "echo"}
OTHER_SITES: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
]


@pytest.fixture(scope="module")
def locked() -> Iterator[Inspector]:
    """An inspector that needs a token, with one request in the bin ``kept``."""
    with inspector(inspector_token=TOKEN) as running:
        httpx.post(f"{running.url}/r/kept", content=b"kept")
        yield running


@pytest.fixture(scope="module")
def stranger(locked: Inspector) -> Iterator[httpx.Client]:
    """A client without the token."""
    with httpx.Client(base_url=locked.url, trust_env=False, timeout=DEADLINE) as client:
        yield client


@pytest.fixture(scope="module")
def spent() -> Iterator[Inspector]:
    """Another inspector, for tests that change and delete everything."""
    with inspector(inspector_token=TOKEN) as running:
        yield running


def path_of(pattern: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: NAMES[match[1]], pattern)


def state(running: Inspector) -> Any:
    """Return what a change would change."""
    bins = running.get("/bins")["bins"]
    for each in bins:
        each.pop("last_received_at")
    return bins, running.get("/bins/kept/responses"), running.get("/bins/kept/hold")


@pytest.mark.parametrize(("method", "pattern"), API)
def test_every_route_without_the_token_is_401(
    locked: Inspector, stranger: httpx.Client, method: str, pattern: str
) -> None:
    before = state(locked)

    for token in ("", "wrong", TOKEN[:-1], f"{TOKEN}x", "%00"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = stranger.request(method, path_of(pattern), headers=headers)
        assert answer.status_code == 401, (method, pattern, token)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["next"]

    assert state(locked) == before


@pytest.mark.parametrize(("method", "pattern"), CHANGES)
def test_every_change_from_another_site_is_403(
    locked: Inspector, stranger: httpx.Client, method: str, pattern: str
) -> None:
    before = state(locked)

    for site in OTHER_SITES:
        answer = locked.api.request(method, path_of(pattern), headers=site)
        assert answer.status_code == 403, (method, pattern, site)
        cookie = {"Cookie": f"labkit_inspector_{urlsplit(locked.url).port}={TOKEN}", **site}
        assert stranger.request(method, path_of(pattern), headers=cookie).status_code == 403

    assert state(locked) == before


@pytest.mark.parametrize(("method", "pattern"), CHANGES)
def test_every_change_with_a_form_s_type_is_415(locked: Inspector, method: str, pattern: str) -> None:
    for kind in ("text/plain", "multipart/form-data; boundary=x", "TEXT/PLAIN;charset=utf-8"):
        answer = locked.api.request(method, path_of(pattern), content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415, (method, pattern, kind)


@pytest.mark.parametrize(("method", "pattern"), API)
def test_every_route_is_refused_under_another_site_s_name(
    locked: Inspector, method: str, pattern: str
) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example"):
        answer = locked.api.request(method, path_of(pattern), headers={"Host": host})
        assert answer.status_code == 403, (method, pattern, host)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[route for route in ROUTES if not route[1].endswith("events")],
        *[("GET", "/"), ("POST", "/"), ("GET", "/static/"), ("GET", "/static/web/words/en.json")],
        *[("GET", "/api/v1/nothing"), ("BREW", "/api/v1/bins"), ("POST", "/r/kept"), ("GET", "/r/")],
        *[("OPTIONS", "/api/v1/bins"), ("OPTIONS", "/r/kept"), ("GET", "/r/.hidden")],
    ],
)
def test_every_response_has_a_policy_and_grants_no_other_site(
    spent: Inspector, method: str, path: str
) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    for headers in ({}, asked):
        answer = spent.api.request(method, path_of(path), headers=headers, timeout=20)
        assert not [name for name in answer.headers if name.startswith("access-control-")], (method, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        if "har" in path or path.endswith("/export"):
            assert answer.headers["Content-Type"] != "text/html"


@pytest.mark.parametrize("form", ["har", "jsonl", "csv"])
def test_an_export_is_a_download(locked: Inspector, form: str) -> None:
    answer = locked.api.get(f"/api/v1/bins/kept/export?format={form}")

    assert answer.headers["Content-Disposition"] == f'attachment; filename="kept.{form}"'


@pytest.mark.parametrize(
    "path",
    [
        *["../config.py", "..%2fconfig.py", "%2e%2e/config.py", "inspector/../config.py", "/etc/passwd"],
        *["....//config.py", "inspector/page/../../config.py", "inspector/config.py", "..\\config.py"],
        *["inspector/page/%00page.css", "inspector/page/", "inspector/page", "web/static_files.py", "%"],
        *["inspector/page/page.css%20", "INSPECTOR/PAGE/PAGE.CSS", "x" * 5000],
    ],
)
@pytest.mark.anyio
async def test_no_file_but_the_page_s_own_is_served(locked: Inspector, path: str) -> None:
    answer = await locked.send(f"/static/{path}", method="GET")

    assert answer.status in (400, 404)
    assert b"import" not in answer.body


# -- where replays and forwards may go

_BEYOND = [
    *["http://example.com/", "http://10.0.0.5/", "http://192.168.1.1/", "http://169.254.169.254/latest"],
    *["http://0.0.0.0:80/", "http://0/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/"],
    *["http://127.1/", "http://0x7f.1/", "http://127.0.0.1.example.com/", "http://127.0.0.1.nip.io/"],
    *["http://localtest.me/", "http://localhost.evil.example/", "http://[::]/", "http://[fe80::1]/"],
    *[
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:a00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fd00::1]/",
    ],
    *["http://[fe80::1%25eth0]/", "http://[::ffff:0:127.0.0.1]/", "http://[2002:7f00:1::]/"],
    *["http://user@127.0.0.1/", "http://user:pass@127.0.0.1/", "http://127.0.0.1@example.com/"],
    *["http://example.com#@127.0.0.1/", "http://127.0.0.1\\@example.com/", "http://127.0.0.1 .example.com/"],
    *["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "ws://127.0.0.1/", "javascript:1"],
    *["//example.com/", "http:example.com", "http:///", "http://:80/", "", "http://"],
    *["http://127\u30020\u30020\u30021.example/"],
    *["http://EXAMPLE.com/", "http://example.com./", "http://127.0.0.1:0/", "http://127.0.0.1:99999/"],
    *["http://127.0.0.1:80:80/", "http://[127.0.0.1]/", "http://[::1/", "http://::1/"],
    "http://127.0.0.1/\r\nX-Injected: 1",
    "http://" + "a" * 9000 + "/",
    "http://" + "a." * 2000 + "com/",
]


@pytest.mark.parametrize("url", _BEYOND)
def test_no_target_beyond_this_machine_is_sent_to(locked: Inspector, url: str) -> None:
    count = locked.get("/bins/kept")["received"]

    replay = locked.api.post("/api/v1/bins/kept/requests/first/replay", json={"target": url or "/"})
    forward = locked.api.put("/api/v1/bins/kept/forward", json={"url": url})

    assert replay.status_code in (403, 422), replay.text
    assert forward.status_code in (403, 422), forward.text
    assert locked.get("/bins/kept")["received"] == count
    assert locked.get("/bins/kept")["forward"] is None


@pytest.mark.parametrize("target", [None, 5, [], {}, True, 1.5])
def test_a_target_that_is_no_text_is_422(locked: Inspector, target: Any) -> None:
    forward = locked.api.put("/api/v1/bins/kept/forward", json={"url": target})

    assert forward.status_code == 422
    if target is not None:
        replay = locked.api.post("/api/v1/bins/kept/requests/first/replay", json={"target": target})
        assert replay.status_code == 422


def test_every_loopback_spelling_of_nats_server_is_refused() -> None:
    with nats_server() as nats_url, inspector(nats_url=nats_url) as running:
        port = urlsplit(nats_url).port
        running.api.put("/api/v1/bins/b", json={})
        for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9", "[::ffff:127.0.0.1]", "LOCALHOST."):
            answer = running.api.put("/api/v1/bins/b/forward", json={"url": f"http://{host}:{port}/"})
            assert answer.status_code == 403, (host, answer.text)
