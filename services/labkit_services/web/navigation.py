"""Whether a person opens a link in a browser, or a program sends a request."""

from __future__ import annotations

from labkit_services.http import Request

_FRAMES = frozenset({"iframe", "frame", "fencedframe", "embed", "object"})


def is_navigation(request: Request) -> bool:
    """Return whether a browser loads a page by this request.

    Browsers ask for ``text/html`` then, programs such as curl for anything.
    Where a browser also sends ``Sec-Fetch-Mode``, which no page can forge, its
    scripts and images are told apart from pages (W3C Fetch Metadata). A
    prefetch prepares a page that nobody has opened yet.
    """
    headers = request.headers
    if request.method != "GET":
        return False
    if "prefetch" in headers.get("Sec-Purpose") + headers.get("Purpose") + headers.get("X-Moz"):
        return True
    return headers.get("Sec-Fetch-Mode", "navigate") == "navigate" and any(
        map(_is_html, ",".join(headers.get_all("Accept")).split(","))
    )


def is_framed(request: Request) -> bool:
    """Return whether a browser loads a page as a part of another page."""
    return request.headers.get("Sec-Fetch-Dest") in _FRAMES


def _is_html(media_range: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in media_range.split(";"))
    refused = any(part.startswith("q=") and not part[2:].strip("0.") for part in parameters)
    return media_type == "text/html" and not refused
