"""Pages of other sites, in a browser that has the lab's password and cookie."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from chromium import BrowserTab, Chromium
from eventually import eventually
from labs import start_lab

from labkit import Lab

DEPLOYMENT = {"service": "pwned", "image": "functions/alpine:latest", "envProcess": "cat", "x": ""}
TEXT_FORM = """<form enctype=text/plain method=post action="{gateway}/system/functions">
<input name='{name}' value='"}}'></form><script>document.forms[0].submit()</script>"""
FETCH = """<script>fetch("{gateway}/system/functions", {{method: "POST", mode: "no-cors",
credentials: "include", body: JSON.stringify({deployment})}}).then(() => document.title = "sent")</script>"""
NEW_BIN = """<script>fetch("{inspector}/r/from-a-page", {{method: "POST", mode: "no-cors", body: "x"}})
.then(() => document.title = "sent")</script>"""
FRAME = """<iframe src="{url}"></iframe>"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@contextlib.contextmanager
def site(html: str) -> Iterator[str]:
    """Serve one page on a port of its own; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield str(server.server_port)
        server.shutdown()


@pytest.fixture
def page(browser: Chromium, lab: Lab) -> BrowserTab:
    """A tab of a browser that has saved the gateway's password and the inspector's cookie."""
    state = lab.aio.state
    page = browser.open()
    page.goto(state.gateway_url.replace("://", f"://{state.user}:{state.password}@") + "/system/functions")
    assert page.evaluate("document.body.innerText").startswith("[")
    page.goto(f"{state.inspector_url}/?token={state.inspector_token}")
    return page


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("attack", [TEXT_FORM, FETCH])
def test_no_other_page_deploys_a_function_with_the_saved_password(
    page: BrowserTab, lab: Lab, host: str, attack: str
) -> None:
    name = json.dumps(DEPLOYMENT)[:-2]
    html = attack.format(gateway=lab.gateway_url, name=name, deployment=json.dumps(DEPLOYMENT))
    with site(html) as port:
        page.goto(f"http://{host}:{port}/")
        page.wait_for("document.title === 'sent' || document.body.innerText.includes('another site')")

    state = lab.aio.state
    described = f"{lab.gateway_url}/system/function/pwned"
    assert httpx.get(described, auth=(state.user, state.password), trust_env=False).status_code == 404


def test_no_other_page_creates_a_bin(page: BrowserTab, lab: Lab) -> None:
    with site(NEW_BIN.format(inspector=lab.aio.state.inspector_url)) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for("document.title === 'sent'")

    state = lab.aio.state
    headers = {"Authorization": f"Bearer {state.inspector_token}"}
    found = httpx.get(f"{state.inspector_url}/api/v1/bins", headers=headers, trust_env=False).json()["bins"]
    assert "from-a-page" not in [each["name"] for each in found]


def test_no_other_page_frames_the_inspector_unless_it_knows_the_token(page: BrowserTab, lab: Lab) -> None:
    state = lab.aio.state
    with_token = f"{state.inspector_url}/?token={state.inspector_token}"
    for url, allowed in (
        (f"{state.inspector_url}/", False),
        (f"{state.gateway_url}/ui/", False),
        (with_token, True),
    ):
        with site(FRAME.format(url=url)) as port:
            page.problems.clear()
            page.goto(f"http://127.0.0.1:{port}/")
            if allowed:
                assert page.problems == [], url
            else:
                eventually(lambda: page.evaluate("1") and page.problems, within=10)
