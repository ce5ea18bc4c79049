"""The page: one HTML document that contains its style and scripts."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from labkit_services.http import Response

_FOLDER = Path(__file__).parent
_INCLUDED = re.compile(r'<link rel="stylesheet" href="([a-z.]+)">|<script src="([a-z.]+)"></script>')


class HtmlPage:
    """``page.html`` with its files inlined, and a content security policy.

    The policy allows only these styles and scripts. A captured body that got
    into the page as markup by a mistake could still run nothing and load
    nothing. Framing is allowed: JupyterLab shows the page in a frame.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        hashes: dict[str, list[str]] = {"style": [], "script": []}

        def inline(match: re.Match[str]) -> str:
            tag, name = ("style", match[1]) if match[1] else ("script", match[2])
            text = (folder / name).read_text("utf-8")
            hashes[tag].append(_csp_hash(text))
            return f"<{tag}>{text}</{tag}>"

        self._html = _INCLUDED.sub(inline, (folder / "page.html").read_text("utf-8")).encode()
        self._policy = "; ".join(
            [
                "default-src 'none'",
                f"style-src {' '.join(hashes['style'])}",
                f"script-src {' '.join(hashes['script'])}",
                "connect-src 'self'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        )

    def response(self) -> Response:
        """Return a new response with the page."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", self._policy)]
        return Response(200, headers, self._html)


def _csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
