"""URLs as Go's package net/url parses, resolves and prints them. Pure.

OpenFaaS's gateway parses ``X-Callback-Url`` with it before it queues a call,
and its queue-worker follows redirects with it (Go 1.19, net/url/url.go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_to_bytes

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
_NOT_IN_HOST = re.compile(rf"{_BAD_ESCAPE.pattern}|%(?!25)[0-7][0-9A-Fa-f]|[ \\^`{{|}}]")
"""Only bytes beyond ASCII may be percent-encoded there."""
_PORT = re.compile(r"(:[0-9]*)?")
_USER = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_VALID_PATH = re.compile(r"[A-Za-z0-9_.~!$&'()*+,;=:@/\[\]%-]*")
_PATH_SAFE = "$&+,/:;=@"
_USER_SAFE = "$&+,;="
_CONTROL = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}


@dataclass(frozen=True, slots=True)
class GoUrl:
    """One URL; ``host`` has the port, ``path`` is percent-encoded.

    ``opaque`` is what follows the scheme if that is no slash. ``user`` is
    still percent-encoded, with its password; None if there is no ``@``.
    ``query`` is None without a question mark.
    """

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    query: str | None = None
    fragment: str = ""

    @classmethod
    def parse(cls, text: str) -> GoUrl:
        """Parse a URL or a relative reference.

        Raises:
            ValueError: Go refuses it; its text is Go's.
        """
        rest, _, fragment = text.partition("#")
        try:
            url = cls._without_fragment(rest)
        except ValueError as error:
            raise ValueError(f"parse {go_quoted(rest)}: {error}") from None
        try:
            return replace(url, fragment=_checked(fragment))
        except ValueError as error:
            raise ValueError(f"parse {go_quoted(text)}: {error}") from None

    @classmethod
    def _without_fragment(cls, text: str) -> GoUrl:
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
            raise ValueError("net/url: invalid control character in URL")
        if text.startswith(":"):
            raise ValueError("missing protocol scheme")
        found = _SCHEME.match(text)
        scheme = found[1].lower() if found else ""
        rest, mark, question = text[found.end() if found else 0 :].partition("?")
        query = question if mark else None
        if not rest.startswith("/"):
            if scheme:
                return cls(scheme=scheme, opaque=rest, query=query)
            if ":" in rest.partition("/")[0]:
                raise ValueError("first path segment in URL cannot contain colon")
        user, host = None, ""
        if rest.startswith("//") and (scheme or not rest.startswith("///")):
            authority, slash, path = rest[2:].partition("/")
            user, host = _user_and_host(authority)
            rest = slash + path
        return cls(scheme=scheme, user=user, host=host, path=_path(rest), query=query)

    def resolved(self, reference: GoUrl) -> GoUrl:
        """Return the absolute URL of a reference found at this URL."""
        scheme = reference.scheme or self.scheme
        if reference.scheme or reference.host or reference.user is not None:
            return replace(reference, scheme=scheme, path=_without_dots(reference.path, ""))
        path = _without_dots(self.path, reference.path)
        found = replace(reference, scheme=scheme, user=self.user, host=self.host, path=path)
        if reference.path or reference.query is not None:
            return found
        return replace(found, query=self.query or None, fragment=reference.fragment or self.fragment)

    @property
    def request_target(self) -> str:
        """What an HTTP request names: path and query."""
        return (self.path or "/") + (f"?{self.query}" if self.query is not None else "")

    @property
    def credentials(self) -> bytes | None:
        """``user:password`` of the URL, decoded; None if it has no user."""
        if self.user is None:
            return None
        user, _, password = self.user.partition(":")
        return unquote_to_bytes(user) + b":" + unquote_to_bytes(password)

    @property
    def hostname(self) -> str:
        """The host without its port, and without brackets."""
        host = self.host[: len(self.host) - len(self._colon_port)]
        return host[1:-1] if host.startswith("[") else host

    @property
    def port(self) -> str:
        """The digits of the port, "" if there are none."""
        return self._colon_port[1:]

    @property
    def _colon_port(self) -> str:
        found = re.search(r":[0-9]*$", self.host)
        return found[0] if found else ""

    def __str__(self) -> str:
        scheme = f"{self.scheme}:" if self.scheme else ""
        query = f"?{self.query}" if self.query is not None else ""
        fragment = f"#{self.fragment}" if self.fragment else ""
        user = f"{self.user}@" if self.user is not None else ""
        authority = f"//{user}{self.host}" if self.host or user else ""
        return f"{scheme}{self.opaque or authority + self.path}{query}{fragment}"


def go_quoted(text: str) -> str:
    """Return text as Go's ``%q`` prints it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    found = re.compile(r"[\x00-\x1f\x7f-\x9f]")
    return '"' + found.sub(lambda m: "\\" + _CONTROL.get(m[0], f"x{ord(m[0]):02x}"), escaped) + '"'


def _checked(text: str) -> str:
    if match := _BAD_ESCAPE.search(text):
        raise ValueError(f"invalid URL escape {go_quoted(match[0])}")
    return text


def _path(text: str) -> str:
    """Return an encoded path as Go sends it: as it is, if that is valid."""
    if _VALID_PATH.fullmatch(_checked(text)):
        return text
    return quote(unquote_to_bytes(text), safe=_PATH_SAFE)


def _user_and_host(authority: str) -> tuple[str | None, str]:
    user, at, host = authority.rpartition("@")
    before = host.rpartition(":")[0] if ":" in host else host
    if host.startswith("["):
        before, bracket, _ = host.rpartition("]")
        if not bracket:
            raise ValueError("missing ']' in host")
        before += bracket
    port = host[len(before) :]
    if not _PORT.fullmatch(port):
        raise ValueError(f"invalid port {go_quoted(port)} after host")
    if match := _NOT_IN_HOST.search(host):
        found = go_quoted(match[0])
        if match[0].startswith("%"):
            raise ValueError(f"invalid URL escape {found}")
        raise ValueError(f"invalid character {found} in host name")
    if not at:
        return None, host
    if not _USER.fullmatch(user):
        raise ValueError("net/url: invalid userinfo")
    name, colon, password = _checked(user).partition(":")
    return _user_text(name) + colon + _user_text(password), host


def _user_text(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_USER_SAFE)


def _without_dots(base: str, reference: str) -> str:
    """Return a path with ``.`` and ``..`` resolved (Go's resolvePath)."""
    full = reference
    if not reference:
        full = base
    elif not reference.startswith("/"):
        full = base[: base.rfind("/") + 1] + reference
    if not full:
        return ""
    kept: list[str] = []
    last = ""
    for last in full.split("/"):
        if last == "..":
            del kept[-1:]
        elif last != ".":
            kept.append(last)
        elif not kept:
            kept = [""]
    joined = "/" + "/".join(kept) + ("/" if last in (".", "..") else "")
    return joined[1:] if joined.startswith("//") else joined
