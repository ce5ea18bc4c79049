"""The URLs that Go's ``url.Parse`` refuses, with its error texts.

OpenFaaS parses ``X-Callback-Url`` with it before queueing. A URL that parses
but is unreachable is accepted and fails when the result is posted (Go,
net/url/url.go).
"""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_FORBIDDEN = re.compile(r"[ \"<>\\^`{|}%]")


def go_url_error(url: str) -> str:
    """Return Go's error text for ``url``, "" if Go can parse it."""
    problem = _problem(url)
    return f"parse {_go_quote(url)}: {problem}" if problem else ""


def _problem(url: str) -> str:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in url):
        return "net/url: invalid control character in URL"
    if url.startswith(":"):
        return "missing protocol scheme"
    scheme = _SCHEME.match(url)
    rest = url[scheme.end() if scheme else 0 :].partition("#")[0].partition("?")[0]
    if not scheme and ":" in rest.partition("/")[0]:
        return "first path segment in URL cannot contain colon"
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if problem := _authority_problem(authority):
            return problem
        rest = slash + path
    if match := _BAD_ESCAPE.search(rest):
        return f'invalid URL escape "{rest[match.start() : match.start() + 3]}"'
    return ""


def _authority_problem(authority: str) -> str:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        if "]" not in host:
            return "missing ']' in host"
        host, _, port = host.partition("]")
    else:
        host, _, port = host.partition(":")
        port = f":{port}" if port else ""
    if match := _HOST_FORBIDDEN.search(host.lstrip("[")):
        return f'invalid character "{match[0]}" in host name'
    if port and not port[1:].isdecimal() and port != ":":
        return f'invalid port "{port}" after host'
    return ""


def _go_quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\x{ord(m[0]):02x}", escaped) + '"'
