"""Detects the content type of a response that names none.

Go's HTTP server does this with ``http.DetectContentType``, so OpenFaaS's
functions do. Source: the WHATWG's MIME Sniffing Standard
(mimesniff.spec.whatwg.org, sections 5 to 7) as Go's ``net/http/sniff.go``
implements it. Fonts and the rarer archive and audio types are left out, and
detected as ``application/octet-stream``.
"""

from __future__ import annotations

import re

SNIFFED_BYTES = 512
"""Only the first bytes are examined."""

_TEXT = "text/plain; charset=utf-8"

_HTML = re.compile(
    rb"<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P|!--)[ >]",
    re.IGNORECASE,
)

_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Bytes that text does not contain; escape (0x1b) may be a terminal's
colours."""

_MAGIC = tuple(
    (re.compile(pattern, re.DOTALL), content_type)
    for pattern, content_type in (
        (rb"%PDF-", "application/pdf"),
        (rb"%!PS-Adobe-", "application/postscript"),
        (rb"\xfe\xff..", "text/plain; charset=utf-16be"),
        (rb"\xff\xfe..", "text/plain; charset=utf-16le"),
        (rb"\xef\xbb\xbf.", _TEXT),
        (rb"\x00\x00\x01\x00", "image/x-icon"),
        (rb"BM", "image/bmp"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBPVP", "image/webp"),
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"ID3", "audio/mpeg"),
        (rb"OggS\x00", "application/ogg"),
        (rb"RIFF....WAVE", "audio/wave"),
        (rb"....ftyp(?:mp4|.{8}(?:....)*?mp4)", "video/mp4"),  # brand at 8, or 16 and on
        (rb"\x1aE\xdf\xa3", "video/webm"),
        (rb"\x1f\x8b\x08", "application/x-gzip"),
        (rb"PK\x03\x04", "application/zip"),
        (rb"\x00asm", "application/wasm"),
    )
)


def detect_content_type(data: bytes) -> str:
    """Return the content type of ``data``.

    Never fails: unknown data is text if it contains no control bytes, else
    ``application/octet-stream``.
    """
    data = data[:SNIFFED_BYTES]
    text = data.lstrip(b"\t\n\x0c\r ")
    if text.startswith(b"<"):
        if _HTML.match(text):
            return "text/html; charset=utf-8"
        if text.startswith(b"<?xml"):
            return "text/xml; charset=utf-8"
    for pattern, content_type in _MAGIC:
        if pattern.match(data):
            return content_type
    return "application/octet-stream" if _BINARY.search(text) else _TEXT
