"""The gateway's routes: every path with every method, as OpenFaaS's routers.

The expected values were measured: with the routes of OpenFaaS's gateway/main.go and of faas-provider's
serve.go, on gorilla/mux 1.8.0 and Go 1.19's server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from wire import Served, WireResponse, serving

from labkit_services.gateway.app import GatewayApp
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.routes import openapi
from labkit_services.gateway.routes.alerts import AlertRoutes
from labkit_services.gateway.routes.async_function import AsyncFunctionRoute
from labkit_services.gateway.routes.calls import MayBeNoCallError
from labkit_services.gateway.routes.dead_letters import DeadLetterRoutes
from labkit_services.gateway.routes.deployments import FunctionRoutes
from labkit_services.gateway.routes.logs import LogRoutes
from labkit_services.gateway.routes.monitoring import MonitoringRoutes
from labkit_services.gateway.routes.namespaces import NamespaceRoutes
from labkit_services.gateway.routes.queues import QueueRoutes
from labkit_services.gateway.routes.secrets import SecretRoutes
from labkit_services.gateway.routes.sync_function import METHODS
from labkit_services.gateway.routes.ui import UiRoutes
from labkit_services.http import Request, Response
from labkit_services.http.paths import clean, escape, unescape

pytestmark = pytest.mark.anyio

ANY_METHOD = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"),
    *("PROPFIND", "M-SEARCH", "QUERY", "FOO", "get", "Get", "PRI"),
)
SYSTEM = {
    "/system/info": "GET",
    "/system/alert": "POST",
    "/system/function/cat": "GET",
    "/system/functions": "GET POST PUT DELETE",
    "/system/scale-function/cat": "POST",
    "/system/secrets": "GET POST PUT DELETE",
    "/system/logs": "GET",
    "/system/namespaces": "GET",
    "/system/namespace/x": "GET POST PUT DELETE",
    "/system/namespace/": "POST",
    "/ui/": "GET",
    "/ui/x": "GET",
    # the lab's own
    "/system/queues": "GET",
    "/system/queues/q": "GET PUT",
    "/system/queues/q/dead-letters": "GET DELETE",
    "/system/queues/q/dead-letters/id": "GET DELETE",
    "/system/queues/q/dead-letters/redrive": "POST",
}
OPEN = {"/healthz": "GET", "/": "GET", "/metrics": "GET", "/openapi.json": "GET"}
UNKNOWN = (
    *("/nope", "/system", "/system/", "/system/nope", "/system/functions/", "/system/info/", "/healthz/"),
    *("/ui", "/function", "/function/", "/async-function/", "/Function/cat", "/system/function/c%20t"),
    *("/system/function/c%2Ft", "/function/c%C3%A4t", "/function/cat;x=1", "/function/cat/a%0Ab"),
    *("/async-function/a%20b/c", "/system/namespace/a%20b", "/system/namespace"),
)


class Functions:
    """Stands for both invoke routes: answers with what it was asked for."""

    async def handle(self, request: Request, name: str, path: str) -> Response:
        if request.method not in METHODS:
            return Response(405)
        return Response.text(200, f"{name} {path} {request.query}")


class Calls:
    """Stands for the routes of calls, of which it knows one, ``known``."""

    def __init__(self) -> None:
        path = "/async-function/{name}"
        self.routes = [("GET", path, self._known), ("DELETE", path, self._known)]
        self.routes.append(("GET", path + "/result", self._known))

    async def _known(self, _: Request, captured: dict[str, str]) -> Response:
        if unescape(captured["name"]) not in ("known", "cat.dup", "a/b"):
            raise MayBeNoCallError(404, "no such call\n")
        return Response.text(200, f"call {unescape(captured['name'])}")


class Deployed:
    """Stands for the provider, which has the functions cat and cat.dup."""

    def find(self, name: str) -> object | None:
        return object() if name in ("cat", "cat.openfaas-fn", "cat.dup") else None


def app() -> GatewayApp:
    none = cast("Any", None)
    telemetry = cast("Any", type("T", (), {"events": None, "lines": None}))
    config = cast("Any", type("C", (), {"queue": "", "max_body": 0}))
    provider = cast("Any", Deployed())
    return GatewayApp(
        cast("Any", Functions()),
        AsyncFunctionRoute(provider, none, none, telemetry, config),
        BasicAuth("admin", "secret"),
        [
            cast("Any", Calls()),
            FunctionRoutes(none, none),
            LogRoutes(none),
            AlertRoutes(none),
            SecretRoutes(none),
            NamespaceRoutes(none, none),
            QueueRoutes(none, none),
            DeadLetterRoutes(none),
            MonitoringRoutes(none, _metrics),
            openapi,
            UiRoutes(Path("state.json")),
        ],
    )


async def _metrics() -> bytes:
    return b""


@asynccontextmanager
async def gateway() -> AsyncIterator[Served]:
    async with serving(app()) as served:
        yield served
        assert served.errors == []


async def ask(served: Served, line: str, headers: str = "Host: gw\r\n") -> WireResponse:
    """Send one request on a connection of its own."""
    wire = await served.connect()
    wire.send(f"{line} HTTP/1.1\r\n{headers}Content-Length: 0\r\n\r\n".encode())
    try:
        return await wire.response(line.partition(" ")[0])
    finally:
        await wire.close()


@pytest.mark.parametrize("path", SYSTEM)
@pytest.mark.row("1.2 wrong method", "1.2 /system auth", "1.2 401")
async def test_a_system_route_s_methods_need_credentials_and_all_others_are_a_405(path: str) -> None:
    async with gateway() as served:
        for method in ANY_METHOD:
            answer = await ask(served, f"{method} {path}")
            if method in SYSTEM[path].split():
                assert (answer.status, answer.body) == (401, b"invalid credentials\n"), method
                assert answer.headers.get("WWW-Authenticate") == 'Basic realm="Restricted"'
                assert_like_go_s_http_error(answer)
            else:
                assert_405(answer, method)


AUTHORIZED = "Host: gw\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n"
CROSS_SITE = (
    "Origin: http://evil.example",
    "Origin: null",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
    "Content-Type: text/plain",
    "Content-Type: multipart/form-data; boundary=x",
)


@pytest.mark.parametrize("path", SYSTEM)
async def test_a_change_by_another_site_s_page_is_refused_in_spite_of_the_password(path: str) -> None:
    async with gateway() as served:
        for method in set(SYSTEM[path].split()) - {"GET"}:
            for header in CROSS_SITE:
                answer = await ask(served, f"{method} {path}", f"{AUTHORIZED}{header}\r\n")
                assert answer.status in (403, 415), (method, header)


@pytest.mark.parametrize("path", ["/ui/", *SYSTEM])
async def test_a_foreign_host_name_is_refused_wherever_a_password_is_needed(path: str) -> None:
    async with gateway() as served:
        for method in SYSTEM.get(path, "GET").split():
            answer = await ask(
                served, f"{method} {path}", AUTHORIZED.replace("Host: gw", "Host: evil.example:8080")
            )
            assert answer.status == 403, method
            assert b"allowed_hosts" in answer.body


async def test_another_site_s_page_cancels_no_call() -> None:
    async with gateway() as served:
        line = "DELETE /async-function/known"
        assert (await ask(served, line)).status == 200
        for header in CROSS_SITE[:4]:
            assert (await ask(served, line, f"Host: gw\r\n{header}\r\n")).status == 403, header


@pytest.mark.parametrize("header", [*CROSS_SITE, "Host: evil.example"])
async def test_functions_are_open_to_every_page_as_in_openfaas(header: str) -> None:
    headers = f"{header}\r\n" if header.startswith("Host") else f"Host: gw\r\n{header}\r\n"
    async with gateway() as served:
        assert (await ask(served, "POST /function/cat", headers)).status == 200


@pytest.mark.parametrize("path", ["/ui/", "/%75i/", "/ui/x"])
async def test_the_way_to_the_inspector_s_token_may_not_be_framed_by_another_site(path: str) -> None:
    async with gateway() as served:
        for site, status in (("same-site", 403), ("cross-site", 403), ("same-origin", 404)):
            marks = f"Sec-Fetch-Dest: iframe\r\nSec-Fetch-Site: {site}\r\n"
            answer = await ask(served, f"GET {path}", AUTHORIZED + marks)
            assert answer.status == status, site


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.row("1.2 wrong method", "1.2 /healthz")
async def test_an_open_route_takes_get_and_all_other_methods_are_a_405(path: str) -> None:
    async with gateway() as served:
        for method in ANY_METHOD:
            answer = await ask(served, f"{method} {path}")
            if method == "GET":
                assert answer.status == (307 if path == "/" else 200)
            else:
                assert_405(answer, method)


@pytest.mark.parametrize("path", ["/function/cat", "/function/cat/", "/function/cat/x", "/function/nope"])
@pytest.mark.row("1.2 /function methods", "1.2 any method")
async def test_a_function_takes_the_seven_methods_of_the_provider(path: str) -> None:
    async with gateway() as served:
        for method in ANY_METHOD:
            answer = await ask(served, f"{method} {path}")
            assert answer.status == (200 if method in METHODS else 405), method


@pytest.mark.parametrize(
    "path",
    [
        *("/async-function/cat", "/async-function/c%61t", "/async-function/cat.openfaas-fn"),
        *("/async-function/cat/", "/async-function/cat/x", "/async-function/cat/result"),
        *("/async-function/nope/", "/async-function/nope/x", "/async-function/0b9c/x/result"),
    ],
)
@pytest.mark.row("1.2 /async-function methods", "2.1 other methods")
async def test_any_method_but_post_on_a_deployed_function_s_async_route_is_a_405(path: str) -> None:
    async with gateway() as served:
        for method in ANY_METHOD:
            if method != "POST":
                assert_405(await ask(served, f"{method} {path}"), method)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /async-function/known", 200),
        ("DELETE /async-function/known", 200),
        ("GET /async-function/known/result", 200),
        ("HEAD /async-function/known", 405),
        ("PUT /async-function/known", 405),
        ("OPTIONS /async-function/known", 405),
        ("GET /async-function/a%2Fb", 200),
        ("GET /async-function/cat.dup", 200),  # a client has chosen the function's name as a call's id
        ("DELETE /async-function/cat.dup", 200),
        ("GET /async-function/nope", 404),
        ("GET /async-function/8a0f6a3e-4f0b-4e2c-9d1f-000000000000", 404),
        ("DELETE /async-function/nope", 404),
    ],
)
async def test_a_call_s_id_keeps_its_routes(line: str, status: int) -> None:
    async with gateway() as served:
        answer = await ask(served, line)
        assert answer.status == status
        if status == 405:
            assert answer.body == b""


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.row("1.2 names in routes", "1.2 error texts")
async def test_an_unknown_path_is_404_page_not_found_for_any_method(path: str) -> None:
    async with gateway() as served:
        for method in ANY_METHOD:
            if path.startswith("/async-function/") and method in ("GET", "DELETE") and "%" not in path:
                continue
            answer = await ask(served, f"{method} {path}")
            assert answer.status == 404, method
            assert_like_go_s_http_error(answer)
            assert answer.body == (b"" if method == "HEAD" else b"404 page not found\n")


@pytest.mark.parametrize(
    ("target", "name", "path", "query"),
    [
        ("/function/c%61t", "cat", "", ""),
        ("/%66unction/cat", "cat", "", ""),
        ("/function/cat%2e", "cat.", "", ""),
        ("/function/cat%2Fx", "cat", "/x", ""),
        ("/function/cat%2F", "cat", "/", ""),
        ("/function/cat/a%2Fb", "cat", "/a/b", ""),
        ("/function/cat/a%20b", "cat", "/a%20b", ""),
        ("/function/cat/a%2520b", "cat", "/a%20b", ""),
        ("/function/cat/100%25", "cat", "/100%25", ""),
        ("/function/cat/a%3Fb", "cat", "/a", "b"),
        ("/function/cat/a%3Fb?c=d", "cat", "/a", "b?c=d"),
        ("/function/cat/a%23b?q=1", "cat", "/a", ""),
        ("/function/cat/x?a=b#c", "cat", "/x", "a=b"),
        ("/function/cat/a+b", "cat", "/a+b", ""),
        ("/function/cat/a%2Bb", "cat", "/a+b", ""),
        ("/function/cat/%C3%A9", "cat", "/%C3%A9", ""),
        ("/function/cat/é", "cat", "/%C3%A9", ""),
        ("/function/cat/a%FFb", "cat", "/a%FFb", ""),
        ("/function/cat/a;b", "cat", "/a;b", ""),
        ("/function/cat/a%3Ab", "cat", "/a:b", ""),
        ("/function/cat/a<b>", "cat", "/a%3Cb%3E", ""),
        ("/function/cat/'!()*~@$&,=", "cat", "/%27%21%28%29%2A~@$&,=", ""),
        ("/function/cat/[x]", "cat", "/%5Bx%5D", ""),
        ("/function/cat/.hidden", "cat", "/.hidden", ""),
        ("/function/cat/..x/y..", "cat", "/..x/y..", ""),
        ("/function/cat/a/b/", "cat", "/a/b/", ""),
        ("/function/cat?a=%20+&b=é", "cat", "", "a=%20+&b=%C3%A9"),
        ("http://gw/function/cat/x%20y?q", "cat", "/x%20y", "q"),
    ],
)
@pytest.mark.row("1.4 path", "1.4 method, query and body", "1.2 decoded path")
async def test_a_percent_encoded_path_reaches_the_function_as_in_openfaas(
    target: str, name: str, path: str, query: str
) -> None:
    async with gateway() as served:
        answer = await ask(served, f"POST {target}")
        assert answer.body.decode() == f"{name} {path} {query}"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/function/cat//a", "/function/cat/a"),
        ("/function//cat", "/function/cat"),
        ("//function/cat", "/function/cat"),
        ("/function/cat/./a", "/function/cat/a"),
        ("/function/cat/../cat/x", "/function/cat/x"),
        ("/function/cat/%2e%2e/cat", "/function/cat"),
        ("/function/%2e%2e/system/info", "/system/info"),
        ("/function/cat/a/..", "/function/cat"),
        ("/function/cat/a/../", "/function/cat/"),
        ("/function/cat/..%2fdog", "/function/dog"),
        ("/function/cat/a//b/?x=1&y=%20", "/function/cat/a/b/?x=1&y=%20"),
        ("/function/cat/é//", "/function/cat/%C3%A9/"),
        ("/async-function/cat//a", "/async-function/cat/a"),
        ("/system//info", "/system/info"),
        ("/ui/x/../y", "/ui/y"),
        ("/..", "/"),
        ("/../../etc/passwd", "/etc/passwd"),
    ],
)
@pytest.mark.row("1.2 clean path")
async def test_a_path_that_is_not_clean_is_redirected_to_its_clean_form(target: str, location: str) -> None:
    async with gateway() as served:
        answer = await ask(served, f"POST {target}")
        assert (answer.status, answer.headers.get("Location"), answer.body) == (301, location, b"")


@pytest.mark.parametrize("target", ["/function/cat/%zz", "/function/cat/%", "/%4", "/system/info%", "/%zz"])
async def test_a_bad_escape_is_a_400(target: str) -> None:
    async with gateway() as served:
        answer = await ask(served, f"GET {target}")
        assert (answer.status, answer.body) == (400, b"400 Bad Request")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ("", "400 Bad Request: missing required Host header"),
        ("Host: a\r\nHost: b\r\n", "400 Bad Request"),
        ("Host: a b\r\n", "400 Bad Request: malformed Host header"),
        ("Host: a/b\r\n", "400 Bad Request: malformed Host header"),
    ],
)
@pytest.mark.row("1.2 Host")
async def test_a_request_without_one_valid_host_is_a_400(headers: str, text: str) -> None:
    async with gateway() as served:
        for target in ("/healthz", "/function/cat", "http://gw/healthz"):
            answer = await ask(served, f"GET {target}", headers)
            assert (answer.status, answer.body.decode()) == (400, text)


@pytest.mark.parametrize("host", ["", "gw", "127.0.0.1:8080", "[::1]:8080"])
async def test_any_valid_host_is_accepted_and_http_1_0_needs_none(host: str) -> None:
    async with gateway() as served:
        assert (await ask(served, "GET /healthz", f"Host: {host}\r\n")).status == 200
        wire = await served.connect()
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await wire.response()).status == 200


async def test_an_unknown_expectation_is_a_417() -> None:
    async with gateway() as served:
        answer = await ask(served, "POST /function/cat", "Host: gw\r\nExpect: foo\r\n")
        assert (answer.status, answer.body) == (417, b"")
        assert (await ask(served, "POST /function/cat", "Host: gw\r\nExpect: 100-Continue\r\n")).status == 200


async def test_options_of_the_server_is_a_200() -> None:
    async with gateway() as served:
        answer = await ask(served, "OPTIONS *")
        assert (answer.status, answer.body) == (200, b"")
        assert (await ask(served, "GET *")).headers.get("Location") == "/%2A"


@pytest.mark.parametrize(
    ("path", "headers", "status", "location"),
    [
        ("/", "", 307, "/ui/"),
        ("/", "Accept: */*\r\n", 307, "/ui/"),
        ("/", "Accept: application/json\r\n", 307, "/ui/"),
        ("/", "Accept: text/html,*/*;q=0.8\r\n", 200, ""),
        ("/", "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n", 200, ""),
        ("/", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", 307, "/ui/"),
        ("/ui/", "Accept: text/html\r\n", 307, "../"),
        ("/ui/", "Accept: */*\r\n", 401, ""),
        ("/ui/", "Accept: text/html\r\nAuthorization: Basic eDp5\r\n", 401, ""),
        ("/ui/inspector", "Accept: text/html\r\n", 401, ""),  # where the page's link leads: the dialog
        ("/system/info", "Accept: text/html\r\n", 401, ""),
    ],
)
@pytest.mark.row("1.2 / and /ui/")
async def test_only_a_browser_that_opens_the_root_gets_a_page(
    path: str, headers: str, status: int, location: str
) -> None:
    async with gateway() as served:
        answer = await ask(served, f"GET {path}", f"Host: gw\r\n{headers}")
        assert (answer.status, answer.headers.get("Location")) == (status, location)
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
        if status == 200:
            assert answer.headers.get("Content-Type") == "text/html; charset=utf-8"
            assert answer.headers.get("Content-Security-Policy").startswith("default-src 'none'; style-src '")
            assert "script-src 'none'" in answer.headers.get("Content-Security-Policy")
            assert answer.headers.get("X-Content-Type-Options") == "nosniff"
            assert b'href="openapi.json"' in answer.body


def assert_405(answer: WireResponse, method: str) -> None:
    assert (answer.status, answer.body) == (405, b""), method
    assert method not in answer.headers.get("Allow").split(", ")
    assert "Content-Type" not in answer.headers


def assert_like_go_s_http_error(answer: WireResponse) -> None:
    assert answer.headers.get_all("Content-Type") == ["text/plain; charset=utf-8"]
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("", "/"), ("/", "/"), ("a", "/a"), ("//", "/"), ("/a/./b/", "/a/b/"), ("/../a", "/a"), ("/a/..", "/")],
)
def test_paths_are_cleaned_as_go_does(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


def test_escape_is_the_inverse_of_unescape() -> None:
    every = "".join(map(chr, range(256)))
    assert unescape(escape(every)) == every
    assert escape("/aZ0-_.~$&+,:;=@") == "/aZ0-_.~$&+,:;=@"
    with pytest.raises(ValueError, match="escape"):
        unescape("/%G0")
