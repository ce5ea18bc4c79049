"""Access to page and API, and the page's content security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from labkit_services.contract.inspector_link import inspector_page, is_valid, make_code
from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.inspector.app import InspectorPages
from labkit_services.inspector.errors import CrossSiteError, FormTypeError, UnauthorizedError
from labkit_services.inspector.token_gate import TokenGate, location_without_token
from labkit_services.web.html_page import HtmlPage


def request(target: str = "/", method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, target, Headers(pairs), Body())


@pytest.fixture
def gate() -> TokenGate:
    gate = TokenGate("s3cret")
    gate.use_port(8090)
    return gate


@pytest.mark.parametrize(
    "sent",
    [
        request(Authorization="Bearer s3cret"),
        request(Authorization="bearer  s3cret "),
        request("/api/v1/bins?token=s3cret"),
        request("/?x=1&token=s3cret"),
        request(Cookie="a=b; labkit_inspector_8090=s3cret; c=d"),
    ],
)
def test_the_token_gives_access(gate: TokenGate, sent: Request) -> None:
    gate.check(sent)


@pytest.mark.parametrize(
    "sent",
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
def test_requests_without_the_token_are_unauthorized(gate: TokenGate, sent: Request) -> None:
    with pytest.raises(UnauthorizedError):
        gate.check(sent)


def test_an_empty_token_gives_access_to_everyone() -> None:
    TokenGate("").check(request())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("token", ["", "s3cret"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_change_nothing_even_with_the_token(method: str, token: str, site: str) -> None:
    sent = request(method=method, Sec_Fetch_Site=site, Authorization="Bearer s3cret")
    with pytest.raises(CrossSiteError):
        TokenGate(token).check(sent)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_this_site_and_programs_may_make_changes(gate: TokenGate, site: str) -> None:
    gate.check(request(method="DELETE", Sec_Fetch_Site=site, Authorization="Bearer s3cret"))
    gate.check(request(method="DELETE", Authorization="Bearer s3cret"))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_foreign_host_name_is_refused_even_with_the_token(gate: TokenGate, method: str) -> None:
    with pytest.raises(CrossSiteError):
        gate.check(request(method=method, Host="evil.example:8090", Authorization="Bearer s3cret"))


def test_a_form_s_body_is_refused(gate: TokenGate) -> None:
    with pytest.raises(FormTypeError):
        gate.check(request(method="POST", Content_Type="text/plain", Authorization="Bearer s3cret"))


@pytest.mark.parametrize("token", ["", "s3cret"])
@pytest.mark.parametrize("marks", [{"Sec_Fetch_Site": "same-site"}, {"Origin": "http://127.0.0.1:9999"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_site_s_page_creates_no_bin(token: str, marks: dict[str, str], method: str) -> None:
    gate = TokenGate(token)
    with pytest.raises(CrossSiteError):
        gate.check_new_bin(request("/r/new", method, **marks))
    gate.check_new_bin(request("/r/new", method))
    if token:
        gate.check_new_bin(request("/r/new?token=s3cret", method, **marks))


def test_only_a_page_that_knows_the_token_may_frame_the_inspector(gate: TokenGate) -> None:
    assert gate.has_token_in_url(request("/?token=s3cret"))
    assert not gate.has_token_in_url(request("/?token=S3CRET"))
    assert not gate.has_token_in_url(request("/", Cookie="labkit_inspector_8090=s3cret"))
    assert not TokenGate("").has_token_in_url(request("/?token=x"))
    assert location_without_token(request("/?token=s3cret", Sec_Fetch_Dest="iframe")) is None


def test_the_cookie_is_strict_and_hidden_from_scripts(gate: TokenGate) -> None:
    assert gate.cookie() == "labkit_inspector_8090=s3cret; HttpOnly; SameSite=Strict"


def test_the_token_is_removed_from_the_address() -> None:
    assert location_without_token(request("/?token=s3cret")) == "./"
    assert location_without_token(request("/?a=1&token=s3cret&a=2")) == "./?a=1&a=2"
    assert location_without_token(request("/")) is None


def test_a_page_opened_from_another_site_is_not_redirected() -> None:
    assert location_without_token(request("/?token=s3cret", Sec_Fetch_Site="cross-site")) is None
    assert location_without_token(request("/?token=s3cret", Sec_Fetch_Site="same-origin")) == "./"


# -- the page


def test_the_page_without_a_token_is_one_file_that_loads_nothing() -> None:
    html = InspectorPages().locked.response().body
    assert isinstance(html, bytes)
    text = html.decode()
    markup = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"""src\s*=|<link[^>]*href\s*=\s*["'](?!data:)""", markup), "everything is inline"
    assert not re.search(r"""\s(style|on\w+)\s*=""", markup), "the policy forbids such attributes"
    assert not re.search(r"https?://|//cdn|@import|url\(|<script", text)


def test_its_policy_allows_only_its_own_style() -> None:
    response = InspectorPages().locked.response()
    text = bytes(response.body).decode()  # type: ignore[arg-type]
    policy = dict(part.split(" ", 1) for part in response.headers.get("Content-Security-Policy").split("; "))
    inline = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in inline]
    assert digests
    assert policy["style-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert policy["script-src"] == "'none'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"


def test_jupyterlab_may_show_the_page_in_a_frame_by_a_link_with_the_token() -> None:
    response = InspectorPages().inspector.response(framed_by_any=True)
    assert "frame-ancestors" not in response.headers.get("Content-Security-Policy")


def test_a_missing_file_of_the_page_is_an_error_at_start(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<script src="gone.js"></script>')
    with pytest.raises(FileNotFoundError, match=r"gone\.js"):
        HtmlPage(tmp_path / "page.html")


# -- a link to the page


def test_a_code_is_valid_for_ten_minutes_and_only_with_its_token() -> None:
    code = make_code("s3cret", 1000.0)

    assert is_valid("s3cret", code, 1000.0)
    assert is_valid("s3cret", code, 1600.0)
    assert not is_valid("s3cret", code, 1600.1)
    assert not is_valid("another", code, 1000.0)
    assert "s3cret" not in code


@pytest.mark.parametrize("code", ["", "-", "9999999999999999-", "x-y", "1e9-ü", make_code("s3cret", 1e9)[1:]])
def test_other_codes_are_not_valid(code: str) -> None:
    assert not is_valid("s3cret", code, 0)


def test_a_code_is_taken_once_and_only_as_a_code(gate: TokenGate) -> None:
    link = inspector_page("http://127.0.0.1:8090", "s3cret")
    target = link.removeprefix("http://127.0.0.1:8090")

    with pytest.raises(UnauthorizedError):
        gate.check(request(target))
    with pytest.raises(UnauthorizedError):
        gate.check(request(target.replace("open=", "token=")))
    assert gate.takes_code(request(target))
    assert not gate.takes_code(request(target))
    assert not TokenGate("").takes_code(request(target))
