"""Use the inspector's page in a test's browser."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from chromium import BrowserTab, Chromium
from inspectors import Inspector

from labkit_services.http import Headers, HttpClient, HttpServer, Origin, Request, Response

BANNER = (
    " _          _           ___     ____       _   _            \n"
    "| |    __ _| |_ ___ _ _|_ _|___| __ )  ___| |_| |_ ___ _ __ \n"
    "| |   / _` | __/ _ \\ '__| |/ __|  _ \\ / _ \\ __| __/ _ \\ '__|\n"
    "| |__| (_| | ||  __/ |  | |\\__ \\ |_) |  __/ |_| ||  __/ |   \n"
    "|_____\\__,_|\\__\\___|_| |___|___/____/ \\___|\\__|\\__\\___|_|   \n"
    "                                                            \n"
)
CALLBACK = {
    "X-Call-Id": "ab12cd34",
    "X-Function-Name": "figlet.openfaas-fn",
    "X-Function-Status": "200",
    "X-Duration-Seconds": "0.003214",
    "Content-Type": "text/plain",
}
CONNECTED = "document.getElementById('connection')?.dataset.state === 'live'"
ROWS = "document.querySelectorAll('#requests .request').length"
BODY = "document.querySelector('.detail pre.body')?.textContent"
EMPTY = "document.getElementById('introduction')?.hidden === false"


def open_bin(browser: Chromium, inspector: Inspector, name: str = "callbacks") -> BrowserTab:
    """Open the page at a bin, and wait until it is live."""
    page = browser.open(f"{inspector.url}/#/bins/{name}")
    page.wait_for(CONNECTED)
    return page


def problems_of(page: BrowserTab) -> list[str]:
    """Return what went wrong on the page.

    An inspector without a lab has neither calls nor queues. The page says so,
    and the browser logs these responses, which are no problem.
    """
    lab = re.compile(r"api/v1/(calls|queues|services|functions|logs|record)[/?\"].*", re.DOTALL)
    return [
        each for each in page.problems if not (re.search("status of (503|404)", each) and lab.search(each))
    ]


def check_page(page: BrowserTab, inspector: Inspector) -> None:
    """Nothing went wrong, and nothing was asked of another server; close it."""
    problems, requested = problems_of(page), {urlsplit(url).netloc for url in page.requested}
    page.close()
    assert problems == []
    assert requested == {urlsplit(inspector.url).netloc}


def text_of(page: BrowserTab, selector: str) -> str:
    return str(page.evaluate(f"document.querySelector({selector!r}).innerText"))


def click(page: BrowserTab, selector: str) -> None:
    """Click an element as soon as it is there."""
    page.wait_for(f"!!document.querySelector({selector!r})")
    page.evaluate(
        f"(element => {{ element.focus(); element.click(); }})(document.querySelector({selector!r}))"
    )


def enter(page: BrowserTab, selector: str, text: str) -> None:
    """Put a text into a field, as typing does."""
    page.wait_for(f"!!document.querySelector({selector!r})")
    events = "for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}))"
    page.evaluate(f"(field => {{ field.value = {text!r}; {events}; }})(document.querySelector({selector!r}))")


def choose_radio(page: BrowserTab, selector: str, value: str) -> None:
    """Choose one of the radio buttons that a selector finds."""
    page.evaluate(f"document.querySelector('{selector}[value={value}]').click()")


def choose(page: BrowserTab, item: str) -> None:
    """Choose an item of the menu that is open."""
    items = "[...document.querySelectorAll('.menu:not([hidden]) [role=menuitem]')]"
    page.evaluate(f"{items}.find((each) => each.textContent === {item!r}).click()")


def post(url: str, body: str | bytes, headers: dict[str, str] | None = None, *, status: int = 200) -> bytes:
    """Send a request as a program does; return the response's body."""
    request = urllib.request.Request(url, body if isinstance(body, bytes) else body.encode(), headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            seen, content = answer.status, bytes(answer.read())
    except urllib.error.HTTPError as error:
        seen, content = error.code, error.read()
    assert seen == status
    return content


def violations(page: BrowserTab) -> list[str]:
    """Return what axe-core finds wrong on the page, one line a rule."""
    page.wait_for("document.getAnimations().every((each) => each.effect.getTiming().iterations === Infinity)")
    if not page.evaluate("'axe' in window"):
        # The protocol's evaluation is not subject to the page's policy.
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8") + "; true")
    found: list[Any] = page.evaluate("axe.run().then((result) => result.violations)")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"]
    ]


class PrefixProxy:
    """Serves under a prefix, as jupyter-server-proxy does, which keeps Host."""

    def __init__(self, target: str, prefix: str) -> None:
        self._origin, _ = Origin.parse(target)
        self._prefix = prefix
        self._client = HttpClient()

    def close(self) -> None:
        self._client.close()

    async def __call__(self, request: Request) -> Response:
        if not request.target.startswith(self._prefix):
            return Response.text(404, "outside the prefix\n")
        own = ("connection", "content-length", "host")
        upstream = await self._client.send(
            self._origin,
            request.method,
            request.target.removeprefix(self._prefix),
            [
                *(pair for pair in request.headers if pair[0].lower() not in own),
                ("X-Forwarded-Prefix", self._prefix),
            ],
            await request.body(1 << 20),
        )
        hop = ("connection", "content-length", "transfer-encoding", "date")
        kept = Headers(pair for pair in upstream.headers if pair[0].lower() not in hop)
        return Response(upstream.status, kept, upstream.stream())


@contextlib.contextmanager
def serve_in_thread(handler) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Serve in a thread, for tests that are not asynchronous."""
    started: list[str] = []
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        server = HttpServer(handler)
        host, port = await server.start()
        started.append(f"http://{host}:{port}")
        ready.set()
        await asyncio.to_thread(ended.wait)
        await server.stop(0.1)
        if isinstance(handler, PrefixProxy):
            handler.close()
            await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield started[0]
    finally:
        ended.set()
        thread.join(10)
        assert not thread.is_alive()
