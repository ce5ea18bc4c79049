"""Redirects and credentials of callbacks, as measured with Go's client."""

from __future__ import annotations

import pytest

from labkit_services.http.origin import redacted
from labkit_services.queue_worker.callback_request import CallbackRequest

HEADERS = (("Content-Type", "a/b"), ("Cookie", "c=1"), ("X-A", "1"))


def request(url: str = "http://h:1/x/a", *more: tuple[str, str]) -> CallbackRequest:
    return CallbackRequest("POST", url, (*HEADERS, *more), b"body")


def following(of: CallbackRequest, status: int, location: str) -> CallbackRequest:
    found = of.redirected(status, location, b"body")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        (301, "GET", b""),
        (302, "GET", b""),
        (303, "GET", b""),
        (307, "POST", b"body"),
        (308, "POST", b"body"),
    ],
)
def test_a_redirect_is_followed_as_by_go(status: int, method: str, body: bytes) -> None:
    found = following(request(), status, "/b")

    assert (found.method, found.url, found.body) == (method, "http://h:1/b", body)
    assert found.headers == (*HEADERS, ("Referer", "http://h:1/x/a"))


@pytest.mark.parametrize("status", [200, 204, 300, 304, 305, 306, 309, 404, 500])
def test_another_status_with_a_location_is_final(status: int) -> None:
    assert request().redirected(status, "/b", b"body") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_without_a_location_is_final(status: int) -> None:
    assert request().redirected(status, "", b"body") is None


def test_a_307_after_a_303_gets_the_body_as_in_go() -> None:
    found = following(following(request(), 303, "/b"), 307, "/c")

    assert (found.method, found.url, found.body) == ("GET", "http://h:1/c", b"body")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("b", "http://h:1/x/b"),
        ("?q=1", "http://h:1/x/a?q=1"),
        ("../b#f", "http://h:1/b#f"),
        ("//other:2/n", "http://other:2/n"),
        ("https://other/n", "https://other/n"),
        ("ftp://x/y", "ftp://x/y"),
    ],
)
def test_a_location_is_relative_to_the_url(location: str, url: str) -> None:
    assert following(request(), 307, location).url == url


def test_a_location_that_is_no_url_raises_value_error() -> None:
    with pytest.raises(ValueError, match=r"missing '\]' in host"):
        request().redirected(307, "http://[x/", b"")


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/b", True),
        ("http://h:1/b", True),
        ("http://sub.h:1/b", True),
        ("http://h:2/b", False),
        ("http://other:1/b", False),
        ("http://hh:1/b", False),
        ("http://h.evil:1/b", False),
    ],
)
def test_authorization_and_cookies_go_to_no_other_host(location: str, kept: bool) -> None:
    found = following(request("http://h:1/x/a", ("Authorization", "Bearer t")), 307, location)

    names = [name for name, _ in found.headers]
    assert ("Authorization" in names, "Cookie" in names) == (kept, kept)
    again = following(found, 307, "http://h:1/c")
    assert ("Authorization" in [name for name, _ in again.headers]) == (kept and "sub" not in location)


@pytest.mark.parametrize(
    ("user", "value"),
    [
        ("u:p@", "Basic dTpw"),
        ("u@", "Basic dTo="),
        ("u:@", "Basic dTo="),
        (":p@", "Basic OnA="),
        ("@", "Basic Og=="),
        ("u%40x:p%3Aq%C3%A9@", "Basic dUB4OnA6ccOp"),
    ],
)
def test_user_and_password_of_a_url_are_basic_authorization(user: str, value: str) -> None:
    assert ("Authorization", value) in request(f"http://{user}h:1/").sent_headers()


def test_an_authorization_header_wins_over_the_url_s_user() -> None:
    given = request("http://u:p@h/", ("authorization", "Bearer t"))

    assert given.sent_headers() == [*HEADERS, ("authorization", "Bearer t")]
    assert request().sent_headers() == [*HEADERS]


def test_the_user_of_a_url_stays_for_a_relative_location_only() -> None:
    given = request("http://u:p@h:1/a")

    assert ("Authorization", "Basic dTpw") in following(given, 307, "/b").sent_headers()
    for location in ("http://h:1/b", "http://other/b"):
        assert "Authorization" not in dict(following(given, 307, location).sent_headers())


def test_a_referer_has_no_password_and_does_not_follow_https_to_http() -> None:
    assert dict(following(request("http://u:p@h:1/a#f"), 307, "/b").headers)["Referer"] == "http://h:1/a"
    assert "Referer" not in dict(following(request("https://h/a"), 307, "http://h/b").headers)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@h:1/x:y@z", "http://u:***@h:1/x:y@z"),
        ("http://u:p:q@r@h/", "http://u:***@h/"),
        ("http://u@h/", "http://u@h/"),
        ("http://h:1/?a:b@c", "http://h:1/?a:b@c"),
        ("http://u:p@h?x", "http://u:***@h?x"),
        ("/relative", "/relative"),
        ("", ""),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert CallbackRequest("POST", url, (), b"").error("why") == f'Post "{shown}": why'
