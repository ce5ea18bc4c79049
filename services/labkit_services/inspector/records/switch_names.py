"""The names of the parameters that switch a response in the URL."""

from __future__ import annotations

from urllib.parse import unquote_plus

SWITCHES = frozenset({"_status", "_delay", "_fail", "_echo"})


def without_switches(query: str) -> str:
    """Return a raw query string without the switches."""
    if "_" not in query and "%5" not in query:
        return query
    return "&".join(part for part in query.split("&") if unquote_plus(part.partition("=")[0]) not in SWITCHES)
