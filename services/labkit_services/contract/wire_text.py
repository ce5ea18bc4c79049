"""Text of URLs and headers, as it is on the wire and as people read it.

HTTP's heads are bytes. The services decode them as latin-1, so that each
character is one byte and nothing is lost; what is shown to people or becomes
JSON is UTF-8, as browsers, curl and Go send it.
"""

from __future__ import annotations


def readable(text: str) -> str:
    """Return latin-1 text as the UTF-8 that it is, or as it is if not."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def printable(text: str, keep: str = "") -> str:
    """Return text with what is not printable escaped, as ASCII.

    Control characters, C1, and what hides or reorders text; ``keep`` are
    characters that stay, such as line ends.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode()
        for each in text
    )
