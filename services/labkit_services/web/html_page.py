"""A page: one HTML document that contains its style and scripts."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path

from labkit_services.http import Response

_NONE = "'none'"
_SHARED = Path(__file__).parent
_INCLUDED = re.compile(r'<link rel="stylesheet" href="([a-z.]+)">|<script src="([a-z.]+)"></script>')


class HtmlPage:
    """An HTML file with its files inlined, and a content security policy.

    The policy allows only these styles and scripts. A captured body that got
    into the page as markup by a mistake could still run nothing and load
    nothing. Only pages of the same origin may show the page in a frame, where
    they could lead a click of the user to one of its buttons.

    A file is looked up beside the page, else in this module's folder. A page
    with ``static`` also loads scripts, styles and pictures from its server.
    """

    def __init__(self, path: Path, *, static: bool = False) -> None:
        own = ["'self'"] if static else []
        sources: dict[str, list[str]] = {"style": own.copy(), "script": own.copy()}

        def inline(match: re.Match[str]) -> str:
            tag, name = ("style", match[1]) if match[1] else ("script", match[2])
            beside = path.with_name(name)
            text = (beside if beside.exists() else _SHARED / name).read_text("utf-8")
            sources[tag].append(_csp_hash(text))
            return f"<{tag}>{text}</{tag}>"

        self._html = _INCLUDED.sub(inline, path.read_text("utf-8"))
        self._policy = "; ".join(
            [
                "default-src 'none'",
                *(f"{tag}-src {' '.join(found) or _NONE}" for tag, found in sources.items()),
                "connect-src 'self'",
                " ".join(["img-src", *own, "data:"]),
                "base-uri 'none'",
                "form-action 'none'",
            ]
        )

    def response(self, status: int = 200, *, framed_by_any: bool = False, **texts: str) -> Response:
        """Return a new response with the page.

        ``framed_by_any`` lets every page show it in a frame.
        A word of ``texts`` in double braces is replaced by its text, escaped.
        """
        document = self._html
        for word, text in texts.items():
            document = document.replace(f"{{{{{word}}}}}", html.escape(text))
        policy = self._policy if framed_by_any else f"{self._policy}; frame-ancestors 'self'"
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", policy),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ]
        return Response(status, headers, document.encode())


def _csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
