"""Pages of services: who gets one, and what it may load."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.inspector.app import InspectorPages
from labkit_services.web.html_page import HtmlPage
from labkit_services.web.navigation import is_navigation

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def request(method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, "/r/x", Headers(pairs), Body())


@pytest.mark.parametrize(
    "sent",
    [
        request(Accept="text/html"),
        request(Accept=CHROMIUM),
        request(Accept="application/json, TEXT/HTML ; q=0.5"),
        request(Accept=CHROMIUM, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"),
        request(Accept=CHROMIUM, Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"),
        request(Accept=CHROMIUM, Sec_Fetch_Mode="navigate", Sec_Purpose="prefetch;prerender"),
        request(Accept="*/*", Sec_Fetch_Mode="no-cors", Sec_Purpose="prefetch"),
        request(Accept="*/*", Purpose="prefetch"),
        request(Accept="*/*", X_Moz="prefetch"),
    ],
)
def test_a_browser_that_opens_a_link_is_recognised(sent: Request) -> None:
    assert is_navigation(sent)


@pytest.mark.parametrize(
    "sent",
    [
        request(),
        request(Accept="*/*"),  # curl, httpx, wget, requests
        request(Accept=""),
        request(Accept="application/json"),
        request(Accept="text/*"),
        request(Accept="text/html-sandboxed"),
        request(Accept="text/html;q=0, */*"),
        request(Accept="text/html;q=0.000"),
        request(Accept="text/html", Sec_Fetch_Mode="cors"),  # fetch() of a script
        request(Accept="image/avif,image/webp,*/*;q=0.8", Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image"),
        request("HEAD", Accept="text/html"),
        request("POST", Accept=CHROMIUM, Sec_Fetch_Mode="navigate"),  # a form
        request("PUT", Accept="text/html"),
        request("OPTIONS", Accept="text/html"),
    ],
)
def test_programs_scripts_images_and_forms_are_no_navigation(sent: Request) -> None:
    assert not is_navigation(sent)


def test_texts_in_a_page_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<a href="{{where}}">{{name}}</a>')

    body = HtmlPage(tmp_path / "page.html").response(404, where='"><script>', name="a&b").body

    assert body == b'<a href="&quot;&gt;&lt;script&gt;">a&amp;b</a>'


@pytest.mark.parametrize("page", ["inspector", "locked", "to_bin"])
def test_every_page_of_the_inspector_has_a_policy_and_is_not_stored(page: str) -> None:
    headers = getattr(InspectorPages(), page).response().headers

    source = "'self';" if page == "inspector" else "'sha256-"
    assert headers.get("Content-Security-Policy").startswith(f"default-src 'none'; style-src {source}")
    assert headers.get("Cache-Control") == "no-store"
    assert headers.get("X-Content-Type-Options") == "nosniff"
    assert headers.get("Referrer-Policy") == "no-referrer"
