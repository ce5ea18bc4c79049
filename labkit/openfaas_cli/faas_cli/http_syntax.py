"""Paths and headers as Go's ``net/url`` and ``net/http`` write them."""

from __future__ import annotations

import os

from labkit.openfaas_cli.pflag import quoted

NAME_LETTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""What a header's name consists of (RFC 9110, 5.6.2)."""

_PATH = frozenset(b"$&+,/:;=@-_.~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""Bytes of a path that Go's ``url.URL`` does not escape."""


def escape_path(path: str) -> str:
    """Escape a path like Go's ``url.URL``: ``f#x`` becomes ``f%23x``.

    ``/`` stays as it is, and ``%20`` is no space but three characters.
    """
    return "".join(chr(byte) if byte in _PATH else f"%{byte:02X}" for byte in os.fsencode(path))


def canonical(name: str) -> str:
    """Return ``x-call-id`` as ``X-Call-Id``; an invalid name is unchanged."""
    if not is_token(name):
        return name
    return "-".join(part.capitalize() for part in name.split("-"))


def is_token(text: str) -> bool:
    """Return whether a text can be a header's name."""
    return bool(text) and not text.strip(NAME_LETTERS)


def header_problem(header: tuple[str, str]) -> str:
    """Return what is wrong with a header in the words of Go, or ""."""
    name, value = header
    if not is_token(name):
        return f"net/http: invalid header field name {quoted(name)}"
    if any((letter < " " and letter != "\t") or letter == "\x7f" for letter in value):
        return f"net/http: invalid header field value for {quoted(name)}"
    return ""
