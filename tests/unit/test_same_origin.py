"""Requests of other web sites' pages: cross-site forgery, DNS rebinding, frames."""

from __future__ import annotations

import pytest

from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.web.navigation import is_framed
from labkit_services.web.same_origin import OwnOrigin, allowed_hosts


def request(method: str = "POST", host: str = "127.0.0.1:8080", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, "/system/functions", Headers([("Host", host), *pairs]), Body())


OWN = [
    *("127.0.0.1", "127.0.0.1:8080", "127.1:8080", "[::1]:8080", "10.0.0.7:80"),
    *("localhost", "LOCALHOST:8080", "localhost.", "lab.localhost:8080"),
    *("gateway:8080", "host.docker.internal:8080", "gateway.openfaas:8080", "gateway.openfaas.svc"),
]
FOREIGN = [
    *(
        "evil.example",
        "evil.example:8080",
        "EVIL.example.",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
    ),
    *("a.b.c.d", "0x7f.0.0.1.nip.io", "evil-localhost.com", "1.2.3.4.com:80"),
]


@pytest.mark.parametrize("host", OWN)
def test_a_host_that_no_other_site_owns_is_accepted(host: str) -> None:
    assert OwnOrigin().refuse_host(request(host=host)) is None


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_name_is_refused(host: str, method: str) -> None:
    refusal = OwnOrigin().refuse_host(request(method, host=host))
    assert refusal is not None
    assert refusal.status == 403
    assert "allowed_hosts" in refusal.text


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("lab.example.com", "lab.example.com:8443"),
        ("lab.example.com:8443", "LAB.example.com"),
        ("a.example, lab.example.com", "lab.example.com"),
        (".example.com", "a.b.example.com"),
        ("*", "evil.example"),
    ],
)
def test_a_host_of_the_setting_is_accepted(allowed: str, host: str) -> None:
    assert OwnOrigin(allowed_hosts({"allowed_hosts": allowed})).refuse_host(request(host=host)) is None


@pytest.mark.parametrize("host", ["example.com", "badexample.com", "lab.example.com.evil.example"])
def test_a_suffix_of_the_setting_is_only_for_the_names_below_it(host: str) -> None:
    assert OwnOrigin([".example.com"]).refuse_host(request(host=host)) is not None


def test_behind_a_jupyterhub_s_proxy_any_host_is_accepted() -> None:
    assert allowed_hosts({"JUPYTERHUB_SERVICE_PREFIX": "/user/jo/"}) == ("*",)
    assert allowed_hosts({"JUPYTERHUB_SERVICE_PREFIX": "/user/jo/", "allowed_hosts": "a.b"}) == ("a.b",)
    assert allowed_hosts({}) == ("",)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPPATCH"])
@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8888"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://127.0.0.1:8080.evil.example"},
        {"Origin": "http://[::1"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
        {"Sec_Fetch_Site": "anything"},
        {"Origin": "chrome-extension://abcdef"},
        {"Origin": "file://"},
        {"Origin": "ws://127.0.0.1:8080"},
        {"Origin": "http://127.0.0.1:8080/"},
        {"Origin": "http://evil.example@127.0.0.1:8080"},
        {"Origin": "http://evil.example\\@127.0.0.1:8080"},
        {"Origin": "http://127.0.0.1:8080 http://evil.example"},
        {"Origin": "http://127.0.0.1:8080, http://evil.example"},
    ],
)
def test_a_change_by_another_site_s_page_is_refused(method: str, sent: dict[str, str]) -> None:
    refusal = OwnOrigin(["*"]).refuse_change(request(method, Content_Type="application/json", **sent))
    assert refusal is not None
    assert refusal.status == 403


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Origin", ["http://127.0.0.1:8080", "http://evil.example"]),
        ("Sec-Fetch-Site", ["same-origin", "cross-site"]),
        ("Sec-Fetch-Site", ["", "cross-site"]),
    ],
)
def test_every_value_of_a_header_that_is_sent_twice_counts(name: str, values: list[str]) -> None:
    sent = request(Content_Type="application/json")
    for value in values:
        sent.headers.add(name, value)
    assert OwnOrigin().refuse_change(sent) is not None


@pytest.mark.parametrize("target", ["http://evil.example:8080/x", "http://localhost@evil.example/x"])
def test_the_host_of_a_target_in_absolute_form_counts_instead_of_the_header(target: str) -> None:
    sent = Request("POST", target, Headers([("Host", "127.0.0.1:8080")]), Body())
    assert OwnOrigin().refuse_host(sent) is not None
    own = Request("POST", "http://localhost:8080/x", Headers([("Host", "evil.example")]), Body())
    assert OwnOrigin().refuse_host(own) is None


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "Text/Plain; charset=utf-8", "multipart/form-data; boundary=x", " text/plain"],
)
def test_a_form_s_body_is_refused_from_anyone(content_type: str) -> None:
    refusal = OwnOrigin().refuse_change(request(Content_Type=content_type))
    assert refusal is not None
    assert refusal.status == 415


@pytest.mark.parametrize("marks", [{"Sec_Fetch_Site": "none"}, {"Origin": "http://127.0.0.1:8080"}])
def test_an_url_encoded_form_is_refused_from_a_page_but_curl_sends_it_by_itself(
    marks: dict[str, str],
) -> None:
    form = "application/x-www-form-urlencoded"
    assert OwnOrigin().refuse_change(request(Content_Type=form, **marks)) is not None
    assert OwnOrigin().refuse_change(request(Content_Type=form)) is None


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Content_Type": "application/json"},
        {"Sec_Fetch_Mode": "cors", "Content_Type": "application/json"},  # Node.js
        {"Origin": "http://127.0.0.1:8080", "Content_Type": "application/json"},
        {"Sec_Fetch_Site": "same-origin", "Content_Type": "application/json"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_programs_and_the_own_page_may_make_changes(sent: dict[str, str]) -> None:
    assert OwnOrigin().refuse_change(request(**sent)) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("hub.example:443", "https://hub.example"),
        ("hub.example", "https://hub.example"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("LocalHost:8080", "http://localhost:8080"),
    ],
)
def test_the_origin_is_compared_with_the_host_by_name_and_port(host: str, origin: str) -> None:
    assert OwnOrigin().refuse_change(request(host=host, Origin=origin)) is None


def test_behind_a_proxy_that_replaces_the_host_its_origin_can_be_allowed() -> None:
    sent = request(host="127.0.0.1:8090", Origin="https://lab.example.com")
    assert OwnOrigin().refuse_change(sent) is not None
    assert OwnOrigin(["lab.example.com"]).refuse_change(sent) is None
    same = request(host="localhost:8090", Origin="https://x.github.dev", Sec_Fetch_Site="same-origin")
    assert OwnOrigin().refuse_change(same) is None  # the browser itself compared what it sees


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_not_a_change(method: str) -> None:
    assert OwnOrigin().refuse_change(request(method, Sec_Fetch_Site="cross-site")) is None


@pytest.mark.parametrize("kind", ["iframe", "frame", "embed", "object", "document", "empty", ""])
def test_a_frame_is_told_from_a_page(kind: str) -> None:
    assert is_framed(request("GET", Sec_Fetch_Dest=kind)) is (kind not in ("document", "empty", ""))
