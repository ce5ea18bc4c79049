"""A headless Chromium, controlled by the DevTools protocol over pipes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eventually import eventually

DEADLINE_SECONDS = 60.0
"""Of one wait, and of the browser's answer to one call: for a machine that runs four tests at once."""
_NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
_MOST_NAVIGATIONS = 8
_PAUSE_SECONDS = 0.5
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
)

# Keys that are no letters: their virtual key code, and the text that they type.
_KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    " ": (32, " "),
    "Home": (36, ""),
    "End": (35, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}


def find_chromium() -> str | None:
    """Return the browser's path: ``$CHROMIUM``, or what is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


class BrowserTab:
    """One tab."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.problems: list[str] = []
        self.network_changes = 0
        self.requested: list[str] = []
        self.received: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, parameters, self._session)

    def evaluate(self, expression: str) -> Any:
        """Return an expression's value, promises awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of an expression as soon as it is truthy."""
        try:
            return eventually(lambda: self._look_for(expression), expression, within=DEADLINE_SECONDS)
        except AssertionError as error:
            text = self.evaluate("document.body.innerText.slice(0, 2000)")
            raise AssertionError(f"{error}\n{text}\n{self.problems}") from None

    def _look_for(self, expression: str) -> Any:
        try:
            return self.evaluate(expression)
        except AssertionError as error:
            # A page that leads to another one at once: ask that one.
            if "navigated or closed" in str(error):
                return None
            raise

    def goto(self, url: str) -> None:
        """Open an address; once more if the machine's network changed.

        Chromium breaks off what it loads, also from this machine, when another
        program (a container engine, say) adds or removes a network interface;
        several do, one after the other, when containers start.
        """
        for _ in range(_MOST_NAVIGATIONS):
            before = self.network_changes
            answer = self.call("Page.navigate", url=url)
            self.wait_for("document.readyState === 'complete'")
            error = answer.get("errorText", "")
            if _NETWORK_CHANGED not in error and self.network_changes == before:
                break
            time.sleep(_PAUSE_SECONDS)
        assert not error, answer

    def close(self) -> None:
        """Leave the page: a tab holds connections, of which six go to a server."""
        self.goto("about:blank")

    def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        keys = [
            {"type": kind, "text": letter, "key": letter} for letter in text for kind in ("keyDown", "keyUp")
        ]
        self._browser.call_all("Input.dispatchKeyEvent", keys, self._session)

    def press_enter(self) -> None:
        self.press("Enter")

    def press(self, key: str, *, ctrl: bool = False, shift: bool = False) -> None:
        """Press and release a key, named as in the event's ``key``."""
        code, text = _KEYS.get(key, (ord(key[0].upper()), key if len(key) == 1 and not ctrl else ""))
        event = {
            "key": key,
            "code": key if key in _KEYS else f"Key{key.upper()}",
            "windowsVirtualKeyCode": code,
            "modifiers": 2 * ctrl + 8 * shift,
        }
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def look(self, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Set the window size and the preferred colour scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


class Chromium:
    """A browser process with a profile of its own."""

    def __init__(self, process: subprocess.Popen[bytes], to_browser: int, from_browser: int) -> None:
        self._process = process
        self._write = to_browser
        self._read = from_browser
        self._buffer = b""
        self._last = 0
        self._pages: dict[str, BrowserTab] = {}

    def call_all(self, method: str, each: list[dict[str, Any]], session: str = "") -> None:
        """Make calls without waiting for one before the next."""
        for number in [self._send(method, parameters, session) for parameters in each]:
            self._answer(number)

    def call(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        return self._answer(self._send(method, parameters, session))

    def _send(self, method: str, parameters: dict[str, Any], session: str) -> int:
        self._last += 1
        number = self._last
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return number

    def _answer(self, number: int) -> dict[str, Any]:
        while True:
            answer = self._next_message()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        page = self._pages.get(event.get("sessionId", ""))
        if page is None or "method" not in event:
            return  # the late answer to a call of a test that was ended by its deadline is no event
        if event["method"] in ("Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            page.problems.append(json.dumps(event["params"]))
        if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            if _NETWORK_CHANGED in (entry := json.dumps(event["params"]["entry"])):
                page.network_changes += 1  # no fault of the page, which loads again
            else:
                page.problems.append(entry)
        if event["method"] == "Network.requestWillBeSent":
            page.requested.append(event["params"]["request"]["url"])
        if event["method"] == "Network.webSocketFrameReceived":
            page.received.append(event["params"]["response"]["payloadData"])

    def _next_message(self) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._read, 1 << 20)
            assert data, f"the browser ended with {self._process.poll()}"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def open(self, url: str = "about:blank") -> BrowserTab:
        """Open a tab; ``page.problems`` collects the errors of its scripts."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = BrowserTab(self, attached["sessionId"])
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.look()
        if url != "about:blank":
            page.goto(url)
        return page


@contextlib.contextmanager
def chromium(binary: str) -> Iterator[Chromium]:
    """Run a browser for a ``with`` block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser_reads, we_write = os.pipe()
        we_read, browser_writes = os.pipe()
        # The browser expects its pipes as file descriptors 3 and 4.
        shell = f'exec "$@" 3<&{browser_reads} 4>&{browser_writes}'
        command = [
            "bash",
            "-c",
            shell,
            "chromium",
            binary,
            *_FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        process = subprocess.Popen(
            command,
            pass_fds=(browser_reads, browser_writes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(browser_reads)
        os.close(browser_writes)
        try:
            yield Chromium(process, we_write, we_read)
        finally:
            # It ends when its pipe is closed; if it does not, it is killed with all its children.
            os.close(we_write)
            os.close(we_read)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
