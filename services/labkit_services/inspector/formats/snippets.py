"""A captured request as something to run: curl, HTTPie, Python, raw HTTP."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable

from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord

# What the client of a new request sets itself.
_SET_BY_CLIENT = {"host", "content-length", "connection", "transfer-encoding", "expect", "keep-alive"}
_CURL_DEFAULTS = ("User-Agent", "Accept")
_TRUNCATED = "# The body is cut: {kept} of {size} bytes were kept.\n"


def curl(record: RequestRecord) -> str:
    """Return a command line for curl that sends the same request."""
    request = record.request
    words = ["curl", *_curl_method(request)]
    url = url_of(record)
    if re.search(r"[\[\]{}]", url):
        words.append("--globoff")
    if "/./" in url or "/../" in url or url.endswith(("/.", "/..")):
        words.append("--path-as-is")
    words.append(shlex.quote(url))
    lines = [" ".join(words)]
    for name, value in _headers(request):
        header = f"{name}: {readable(value)}" if value else f"{name};"
        lines.append(f"-H {shlex.quote(header)}")
    given = Headers(request.headers)
    defaults = (*_CURL_DEFAULTS, "Content-Type") if request.body else _CURL_DEFAULTS
    lines += [f"-H '{name}:'" for name in defaults if name not in given]
    before = ""
    if request.body and request.text is not None:
        lines.append(f"--data-raw {shlex.quote(request.text)}")
    elif request.body:
        before = f"echo {base64.b64encode(request.body).decode()} | base64 -d | "
        lines.append("--data-binary @-")
    return _note(request) + before + " \\\n  ".join(lines) + "\n"


def _curl_method(request: ReceivedRequest) -> list[str]:
    if request.method == "HEAD":
        return ["--head"]
    if request.method == ("POST" if request.body else "GET"):
        return []
    return ["-X", shlex.quote(request.method)]


def httpie(record: RequestRecord) -> str:
    """Return a command line for HTTPie that sends the same request."""
    request = record.request
    words = ["http", shlex.quote(request.method), shlex.quote(url_of(record))]
    lines = [" ".join(words)]
    for name, value in _headers(request):
        lines.append(shlex.quote(f"{name}:{readable(value)}" if value else f"{name};"))
    before = ""
    if request.body and request.text is not None:
        lines.append(f"--raw {shlex.quote(request.text)}")
    elif request.body:
        before = f"echo {base64.b64encode(request.body).decode()} | base64 -d | "
    else:
        lines[0] = lines[0].replace("http ", "http --ignore-stdin ", 1)
    return _note(request) + before + " \\\n  ".join(lines) + "\n"


def python(record: RequestRecord) -> str:
    """Return a notebook cell that sends the same request with httpx."""
    request = record.request
    lines = ["import httpx", "", "response = httpx.request("]
    lines += [f"    {request.method!r},", f"    {url_of(record)!r},"]
    if headers := list(_headers(request)):
        lines.append("    headers=[")
        lines += [f"        ({name!r}, {_python_text(value)})," for name, value in headers]
        lines.append("    ],")
    if request.body:
        lines.append(f"    content={_python_text(request.body.decode('latin-1'), request.text)},")
    lines += [")", "print(response.status_code, response.text)", ""]
    return _note(request) + "\n".join(lines)


def _python_text(value: str, text: str | None = None) -> str:
    """Return an expression for latin-1 text; bytes unless it is ASCII."""
    if value.isascii() and (text is not None or value.isprintable()):
        return repr(value)
    return repr(value.encode("latin-1"))


def http(record: RequestRecord) -> str:
    """Return the request's head and body as they are on the wire.

    Bytes that are not UTF-8 are replaced; ``raw`` returns the body's bytes.
    """
    request = record.request
    lines = [f"{request.method} {readable(request.target)} HTTP/{request.http_version}"]
    lines += [f"{name}: {readable(value)}" for name, value in request.headers]
    return "\r\n".join(lines) + "\r\n\r\n" + request.body.decode("utf-8", "replace")


SNIPPETS: dict[str, Callable[[RequestRecord], str]] = {
    "curl": curl,
    "python": python,
    "httpie": httpie,
    "http": http,
}


def url_of(record: RequestRecord) -> str:
    """Return the URL that the request was sent to, percent-encoded."""
    request = record.request
    if not request.target.startswith("/"):
        return request.target
    return f"http://{Headers(request.headers).get('Host') or '127.0.0.1'}{request.target}"


def _headers(request: ReceivedRequest) -> list[Pair]:
    return [(name, value) for name, value in request.headers if name.lower() not in _SET_BY_CLIENT]


def _note(request: ReceivedRequest) -> str:
    return _TRUNCATED.format(kept=len(request.body), size=request.size) if request.truncated else ""
