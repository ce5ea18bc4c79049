"""A bin's address, which is another one for programs than for a browser."""

from __future__ import annotations

import html
from typing import Self

from labkit.language import translated


class BinUrl(str):
    """The URL for ``X-Callback-Url``; a notebook shows the browser's, too.

    Attributes:
        browser: Where a browser opens the bin's page: behind Jupyter's server
            if that leads to the lab. On a Hub that does not tell its address
            it begins with a slash.
    """

    browser: str

    def __new__(cls, url: str, browser: str = "") -> Self:
        """Return the URL with its browser's address; "" if it is the same."""
        made = super().__new__(cls, url)
        made.browser = browser or url
        return made

    def _repr_html_(self) -> str:
        browser = html.escape(self.browser)
        shown = f"<code>{browser}</code>"
        if self.browser.startswith("/"):
            shown += translated(" at your Hub's address")
        else:
            shown = f'<a href="{browser}" target="_blank" rel="noopener">{shown}</a>'
        program, browser_label = translated("for X-Callback-Url: "), translated("open in your browser: ")
        return f"<p>{program}<code>{html.escape(self)}</code><br>{browser_label}{shown}</p>"
