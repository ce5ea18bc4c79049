"""The names of bins: which are valid, their paths, their colours."""

from __future__ import annotations

import colorsys
import re
import zlib
from functools import lru_cache
from urllib.parse import unquote

from labkit_services.inspector.errors import InvalidNameError, ReservedNameError

RESERVED = frozenset(
    {
        *("api", "docs", "favicon.ico", "healthz", "metrics", "openapi.json", "r"),
        *("ready", "robots.txt", "static", "token", "ui", "version"),
    }
)
"""First segments of paths that are, or may become, the inspector's own."""

_VALID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


def check_bin_name(name: str) -> str:
    """Return ``name`` if it is valid for a bin."""
    if name in RESERVED:
        raise ReservedNameError(
            f"{name!r} is a reserved name, so no bin can have it",
            expected="any name but " + ", ".join(sorted(RESERVED)),
            next_step=f"send to another bin, such as /r/my-{name.partition('.')[0]}",
        )
    if not _VALID.fullmatch(name):
        raise InvalidNameError(
            "no bin can have this name",
            expected="1 to 64 letters, digits, _, - or . (not as the first one)",
            seen=ascii(name[:80]),
            next_step="send to a bin with a plain name, such as /r/callbacks",
        )
    return name


@lru_cache(1024)
def split_capture_path(path: str) -> tuple[str, str]:
    """Split ``/r/NAME…`` or ``/NAME…`` into the bin's name and the rest.

    The name may be "" and is not checked.
    """
    name, slash, rest = path.removeprefix("/r/" if path.startswith("/r/") else "/").partition("/")
    return unquote(name), slash + rest or "/"


def color_of(name: str) -> str:
    """Return a bin's colour as ``#rrggbb``, which depends on its name only.

    Light enough for a dark page and dark enough for a white one.
    """
    # Not hash(), which differs from process to process.
    hue = zlib.crc32(name.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.45, 0.6)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
