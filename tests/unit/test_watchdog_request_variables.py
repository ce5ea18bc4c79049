"""The environment variables and the input that a request becomes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.runtime.spool import Spool
from labkit_services.watchdog.request_variables import http_variables, marshalled, of_watchdog_variables


def request(method: str, target: str, *headers: tuple[str, str]) -> Request:
    return Request(method, target, Headers(headers), Body())


def variables(method: str, target: str, *headers: tuple[str, str]) -> dict[bytes, bytes]:
    return http_variables(request(method, target, *headers))


def test_a_plain_request_becomes_variables() -> None:
    found = variables("GET", "/", ("Host", "127.0.0.1:8080"), ("x-call-id", "abc"), ("ACCEPT", "*/*"))

    assert found == {
        b"Http_X_Call_Id": b"abc",
        b"Http_Accept": b"*/*",
        b"Http_Method": b"GET",
        b"Http_ContentLength": b"0",
        b"Http_Content_Length": b"0",
        b"Http_Path": b"/",
        b"Http_Host": b"127.0.0.1:8080",
    }


def test_the_first_of_several_values_is_taken() -> None:
    found = variables("GET", "/", ("X-Start-Time", "1"), ("x-start-time", "2"))

    assert found[b"Http_X_Start_Time"] == b"1"


def test_path_is_decoded_and_query_is_not() -> None:
    found = variables("GET", "/a%20b/%C3%BC?q=a%20b&x=1")

    assert found[b"Http_Path"] == b"/a b/\xc3\xbc"
    assert found[b"Http_Query"] == b"q=a%20b&x=1"


def test_an_empty_query_has_no_variable() -> None:
    assert b"Http_Query" not in variables("GET", "/?")


def test_the_content_length_is_in_both_variables() -> None:
    found = variables("POST", "/", ("Content-Length", "12"))

    assert found[b"Http_ContentLength"] == b"12"
    assert found[b"Http_Content_Length"] == b"12"


def test_a_chunked_body_has_length_minus_one() -> None:
    found = variables("POST", "/", ("Transfer-Encoding", "chunked"))

    assert found[b"Http_ContentLength"] == b"-1"
    assert found[b"Http_Content_Length"] == b"-1"
    assert found[b"Http_Transfer_Encoding"] == b"chunked"


def test_a_header_cannot_replace_a_variable_of_the_request_itself() -> None:
    found = variables("GET", "/real", ("Method", "DELETE"), ("Path", "/fake"), ("Host", "h"))

    assert found[b"Http_Method"] == b"GET"
    assert found[b"Http_Path"] == b"/real"


@pytest.mark.parametrize("name", ["Proxy", "proxy", "PROXY", "pRoXy"])
@pytest.mark.parametrize("variables_of", [http_variables, of_watchdog_variables])
def test_a_proxy_header_is_no_variable(
    name: str, variables_of: Callable[[Request], dict[bytes, bytes]]
) -> None:
    found = variables_of(request("GET", "/", (name, "http://evil.example"), ("X-Proxy", "x")))

    assert not [variable for variable in found if variable.lower() == b"http_proxy"]
    assert found[b"Http_X_Proxy"] == b"x"


@pytest.mark.parametrize("name", ["Query", "Method", "Path", "ContentLength", "Content-Length"])
@pytest.mark.parametrize("variables_of", [http_variables, of_watchdog_variables])
def test_no_header_stands_for_a_part_that_the_request_lacks(
    name: str, variables_of: Callable[[Request], dict[bytes, bytes]]
) -> None:
    plain = request("GET", "/")
    spoofed = request("GET", "/", (name.replace("-", "_"), "evil"), (name.lower().replace("-", "_"), "evil"))

    evil = [variable for variable, value in variables_of(spoofed).items() if value == b"evil"]
    assert not {*evil} & {*variables_of(plain), b"Http_Query"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_header_with_an_underscore_does_not_replace_the_one_with_a_hyphen(order: int) -> None:
    found = variables("GET", "/", *[("X-1", "real"), ("X_1", "fake")][::order])

    assert found[b"Http_X_1"] == b"real"
    assert variables("GET", "/", ("X_1", "alone"))[b"Http_X_1"] == b"alone"


@pytest.mark.parametrize(
    "name",
    ["proxy", "PROXY", "pRoXy", "Content_Length", "TRANSFER_ENCODING", "contentlength", "Query", "path"],
)
def test_no_header_sets_a_variable_of_the_request_in_any_case(name: str) -> None:
    found = variables("POST", "/", (name, "spoof"))

    assert b"spoof" not in found.values()


def test_the_host_of_a_target_in_absolute_form_is_the_host() -> None:
    found = variables("GET", "http://user@h:1/a", ("Host", "other"))

    assert (found[b"Http_Host"], found[b"Http_Path"]) == (b"h:1", b"/a")


def test_values_keep_the_bytes_of_the_wire() -> None:
    found = variables("GET", "/", ("X-Name", "Jürgen".encode().decode("latin-1")))

    assert found[b"Http_X_Name"] == "Jürgen".encode()


def test_a_marshalled_request_is_one_json_document() -> None:
    headers = Headers([("x-b", "1"), ("Host", "h"), ("X-A", "ü".encode().decode("latin-1")), ("X-B", "2")])

    document = b"".join(marshalled(headers, Spool.of([b"\x00body"])))

    assert document == '{"header":{"X-A":["ü"],"X-B":["1","2"]},"body":{"raw":"AGJvZHk="}}'.encode()
    assert json.loads(document)["header"]["X-B"] == ["1", "2"]


def test_a_large_body_is_marshalled_in_parts() -> None:
    body = bytes(range(256)) * 10_001
    document = b"".join(marshalled(Headers(), Spool.of([body])))

    assert base64.b64decode(json.loads(document)["body"]["raw"]) == body
