"""The gateway's link in a browser: a page, at first sight and without a password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium
from labs import start_lab


@pytest.mark.parametrize("path", ["", "/", "/ui/"])
def test_the_gateway_s_link_opens_a_page(browser: Chromium, gateway_url: str, path: str) -> None:
    page = browser.open(gateway_url + path)

    assert page.evaluate("document.querySelector('h1').innerText") == "The lab's gateway is up"
    assert page.evaluate("location.href") == f"{gateway_url}/"
    assert page.evaluate("getComputedStyle(document.body).maxWidth") == "704px", "its style is allowed"
    assert page.problems == []
    assert all(url.startswith((gateway_url, "data:")) for url in page.requested)


@pytest.mark.parametrize("link", ["openapi.json", "metrics"])
def test_its_links_to_the_gateway_itself_work(browser: Chromium, gateway_url: str, link: str) -> None:
    page = browser.open(gateway_url)

    page.goto(page.evaluate(f"document.querySelector('a[href=\"{link}\"]').href"))

    assert len(page.evaluate("document.body.innerText")) > 100


@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_narrow_and_wide_light_and_dark(
    browser: Chromium, gateway_url: str, tmp_path: Path, width: int, dark: bool
) -> None:
    page = browser.open(gateway_url)
    page.look(width=width, dark=dark)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    channels = [int(part) for part in page.evaluate(COLORS)]
    assert (sum(channels[:3]) < 150) == dark, "the background"
    assert contrast(channels[:3], channels[3:6]) > 4.5
    assert contrast(channels[:3], channels[6:]) > 4.5
    page.screenshot(Path(os.environ.get("SCREENSHOTS", tmp_path)) / f"gateway-{width}-{dark}.png")


COLORS = """['body', 'dd', 'a'].flatMap((each, index) => {
    const style = getComputedStyle(document.querySelector(each));
    return (index ? style.color : style.backgroundColor).match(/[0-9]+/g);
})"""


def contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast of two colours (WCAG 2.2 §1.4.3)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(color: list[int]) -> float:
    parts = [part / 255 for part in color]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.fixture(scope="module")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab.gateway_url
