"""Take the pictures of the inspector's page that the README shows.

Starts a lab, makes calls of several fates, kills the queue-worker once, and
writes ``docs/images/inspector-light.png`` and ``inspector-dark.png``, 1280 by
800 pixels. Run it with the project's Python when the page's looks change::

    PYTHONPATH=tests .venv/bin/python tools/page_pictures.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from chromium import BrowserTab, chromium, find_chromium

from labkit import Lab
from labkit.lab.call import CallHandle
from labkit_services.contract.inspector_link import inspector_page

REPOSITORY = Path(__file__).parents[1]
IMAGES = REPOSITORY / "docs/images"
WIDTH, HEIGHT = 1280, 800
MAX_BYTES = 200_000
_FLAKY = {"com.openfaas.retry.attempts": "3", "com.openfaas.retry.min_wait": "700ms"}


def make_calls(lab: Lab) -> CallHandle:
    """Make a run with retries, a fault and a dead letter.

    Returns:
        The call whose details are shown: its first attempt was lost.
    """
    lab.deploy("figlet", fprocess="cat")
    lab.deploy("long-task", fprocess="sleep 1")
    lab.deploy("broken", fprocess="false", annotations=_FLAKY)
    receiver = lab.bin("callbacks")
    receiver.respond(503, times=2).then(200)
    lab.invoke("figlet", "first")  # starts the function's process
    lab.invoke_async("figlet", "LaterIsBetter", callback=receiver)
    for _ in range(2):
        lab.invoke_async("long-task", callback=receiver)
    lost = lab.invoke_async("long-task", callback=receiver)
    lab.invoke_async("broken")
    lab.invoke_async("long-task", callback=receiver)
    time.sleep(2.5)
    lab.fault("worker", "kill")
    lost.wait(timeout=60)
    time.sleep(1.5)
    return lost


def take_picture(page: BrowserTab, file: Path, *, dark: bool) -> None:
    """Write one picture, and check its size."""
    page.look(width=WIDTH, height=HEIGHT, dark=dark)
    time.sleep(1.0)
    page.screenshot(file)
    size = file.stat().st_size
    print(f"{file.relative_to(REPOSITORY)}: {size:,} bytes")
    if size > MAX_BYTES:
        raise SystemExit(f"{file.name} is too large: at most {MAX_BYTES:,} bytes")


def main() -> None:
    """Write both pictures."""
    browser_path = find_chromium()
    if browser_path is None:
        raise SystemExit("Chromium is not installed; set CHROMIUM to its path")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="labkit-pictures-") as folder,
        Lab.start(folder, gateway_port=0, inspector_port=0) as lab,
        chromium(browser_path) as browser,
    ):
        state = lab.aio.state
        page = browser.open(inspector_page(state.inspector_url, state.inspector_token))
        lost = make_calls(lab)
        page.wait_for("document.querySelectorAll('.tl-row').length > 4")
        page.evaluate(f"location.hash = '#/calls/{lost.id}'")
        page.wait_for("document.querySelector('.call-detail:not([hidden])') !== null")
        page.evaluate("document.activeElement?.blur()")
        for name, dark in (("light", False), ("dark", True)):
            take_picture(page, IMAGES / f"inspector-{name}.png", dark=dark)


if __name__ == "__main__":
    main()
