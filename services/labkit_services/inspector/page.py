"""The page: one HTML file with its style and script inside, so that it asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from labkit_services.http import Response

_FOLDER = Path(__file__).parent
_STYLE = re.compile(r'<link rel="stylesheet" href="([a-z.]+)">')
_SCRIPT = re.compile(r'<script src="([a-z.]+)"></script>')


class Page:
    """``page.html`` with its files put in, and a policy under which only they are style and script.

    A captured body that made its way into the page as markup, by whatever
    mistake, could still run nothing and load nothing. Framing is allowed: the page
    is shown in JupyterLab tabs.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        hashes: dict[str, list[str]] = {"style": [], "script": []}

        def inline(tag: str, match: re.Match[str]) -> str:
            text = (folder / match[1]).read_text("utf-8")
            hashes[tag].append(_hash_of(text))
            return f"<{tag}>{text}</{tag}>"

        html = (folder / "page.html").read_text("utf-8")
        html = _STYLE.sub(lambda match: inline("style", match), html)
        html = _SCRIPT.sub(lambda match: inline("script", match), html)
        self._html = html.encode()
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
        """Return a new answer that shows it."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", self._policy)]
        return Response(200, headers, self._html)


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
