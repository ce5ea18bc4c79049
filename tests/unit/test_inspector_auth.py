"""Who may see the page and use the API; what the page allows itself."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.inspector.auth import Gate, clean_location
from labkit_services.inspector.errors import CrossSiteError, UnauthorizedError
from labkit_services.inspector.page import Page


def request(target: str = "/", method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, target, Headers(pairs), Body())


@pytest.fixture
def gate() -> Gate:
    gate = Gate("s3cret")
    gate.at_port(8090)
    return gate


@pytest.mark.parametrize(
    "asked",
    [
        request(Authorization="Bearer s3cret"),
        request(Authorization="bearer  s3cret "),
        request("/api/v1/bins?token=s3cret"),
        request("/?x=1&token=s3cret"),
        request(Cookie="a=b; labkit_inspector_8090=s3cret; c=d"),
    ],
)
def test_the_token_opens_the_gate(gate: Gate, asked: Request) -> None:
    gate.check(asked)


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(Authorization="Bearer "),
        request(Authorization="Bearer s3cre"),
        request(Authorization="Bearer ü€"),
        request(Authorization="Basic s3cret"),
        request("/?token="),
        request("/?token=S3CRET"),
        request("/?token=%FF"),
        request("/token=s3cret"),
        request(Cookie="labkit_inspector_8091=s3cret"),
        request(Cookie="labkit_inspector_8090="),
    ],
)
def test_nothing_else_does(gate: Gate, asked: Request) -> None:
    with pytest.raises(UnauthorizedError):
        gate.check(asked)


def test_a_gate_without_token_is_open() -> None:
    Gate("").check(request())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("token", ["", "s3cret"])
def test_another_site_may_change_nothing_even_with_the_token(method: str, token: str) -> None:
    asked = request(method=method, Sec_Fetch_Site="cross-site", Authorization="Bearer s3cret")
    with pytest.raises(CrossSiteError):
        Gate(token).check(asked)


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_this_site_and_programs_may(gate: Gate, site: str) -> None:
    gate.check(request(method="DELETE", Sec_Fetch_Site=site, Authorization="Bearer s3cret"))
    gate.check(request(method="DELETE", Authorization="Bearer s3cret"))


def test_the_cookie_is_strict_and_out_of_reach_of_scripts(gate: Gate) -> None:
    assert gate.cookie() == "labkit_inspector_8090=s3cret; HttpOnly; SameSite=Strict"


def test_the_token_leaves_the_address() -> None:
    assert clean_location(request("/?token=s3cret")) == "./"
    assert clean_location(request("/?a=1&token=s3cret&a=2")) == "./?a=1&a=2"
    assert clean_location(request("/")) is None


def test_from_another_site_the_page_stays_for_the_strict_cookie_would_not_come_along() -> None:
    assert clean_location(request("/?token=s3cret", Sec_Fetch_Site="cross-site")) is None
    assert clean_location(request("/?token=s3cret", Sec_Fetch_Site="same-origin")) == "./"


# -- the page


def test_the_page_is_one_file_that_asks_nobody_for_anything() -> None:
    html = Page().response().body
    assert isinstance(html, bytes)
    text = html.decode()
    markup = re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", markup), "everything is inline"
    assert not re.search(r"""\s(style|on\w+)\s*=""", markup), "the policy forbids such attributes"
    own = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|//cdn|@import|url\(", own)
    assert "innerHTML" not in text


def test_the_policy_allows_exactly_the_page_s_own_style_and_script() -> None:
    response = Page().response()
    text = bytes(response.body).decode()  # type: ignore[arg-type]
    policy = dict(part.split(" ", 1) for part in response.headers.get("Content-Security-Policy").split("; "))
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in inline]
        assert digests
        assert policy[directive] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert policy["default-src"] == "'none'"
    assert "frame-ancestors" not in policy, "JupyterLab shows the page in a frame"


def test_a_page_whose_parts_are_missing_is_an_error_at_start(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<script src="gone.js"></script>')
    with pytest.raises(FileNotFoundError, match=r"gone\.js"):
        Page(tmp_path)
