"""Makes a body readable: content encodings and character sets.

Only for viewing: the stored bytes stay as they came.
"""

from __future__ import annotations

import codecs
import re
import zlib
from dataclasses import dataclass

from labkit_services.http.headers import Headers, Pair

VIEW_BYTES = 1024 * 1024
"""Most bytes that are decompressed for viewing."""
_MAX_ENCODINGS = 4
_CHARSET = re.compile(r';\s*charset="?([A-Za-z0-9._:-]{1,40})', re.IGNORECASE)
# Control characters that text does not contain.
_NOT_TEXT = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
# Codecs that are no character sets, or that read a body as a program's text.
_NO_CHARSETS = {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "mbcs", "oem"}


@dataclass(frozen=True, slots=True)
class DecodedBody:
    """A body as a person reads it.

    Attributes:
        text: None if it is binary.
        encodings: Content encodings that were decoded, such as ``gzip``.
        charset: The character set that it was read with; "" if it is binary.
        size: Bytes after decompression.
        notes: What could not be decoded, and why; sentences.
    """

    text: str | None
    encodings: tuple[str, ...] = ()
    charset: str = ""
    size: int = 0
    notes: tuple[str, ...] = ()


def decode_body(body: bytes, headers: tuple[Pair, ...], *, truncated: bool = False) -> DecodedBody:
    """Return the body decompressed and decoded by its headers.

    ``truncated`` tells that only the beginning of it was kept.
    """
    given, notes = Headers(headers), list[str]()
    named = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    encodings = [word.strip().lower() for word in named.split(",") if word.strip()]
    decoded = list[str]()
    if len(encodings) > _MAX_ENCODINGS:
        notes.append(f"It has {len(encodings)} content encodings; none was decoded.")
        encodings = []
    for encoding in reversed(encodings):
        if encoding == "identity":
            continue
        if encoding not in ("gzip", "x-gzip", "deflate"):
            notes.append(f"The content encoding {encoding[:40]!r} is not decoded.")
            break
        try:
            body, cut = _decompress(body, encoding)
        except zlib.error as error:
            notes.append(f"It is not valid {encoding}: {error}.")
            break
        decoded.append(encoding.removeprefix("x-"))
        if cut:
            notes.append(f"Only the first {VIEW_BYTES} bytes are decompressed.")
            truncated = True
        elif truncated:
            notes.append("The compressed body is cut, so its end is missing.")
    text, charset = _decode_text(body, given.get("Content-Type"), notes, truncated=truncated)
    return DecodedBody(text, tuple(decoded), charset, len(body), tuple(notes))


def _decompress(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """Return at most ``VIEW_BYTES``, and whether there was more."""
    try:
        return _inflate(body, 32 + zlib.MAX_WBITS)
    except zlib.error:
        if encoding != "deflate":
            raise
        return _inflate(body, -zlib.MAX_WBITS)  # some senders leave out zlib's header


def _inflate(body: bytes, window: int) -> tuple[bytes, bool]:
    result = bytearray()
    while body:
        stream = zlib.decompressobj(window)
        result += stream.decompress(body, VIEW_BYTES + 1 - len(result))
        if len(result) > VIEW_BYTES:
            return bytes(result[:VIEW_BYTES]), True
        if not stream.eof:
            break
        body = stream.unused_data.lstrip(b"\0")  # several gzip members in a row
        if not body.startswith(b"\x1f\x8b"):
            break
    return bytes(result), False


def _decode_text(
    body: bytes, content_type: str, notes: list[str], *, truncated: bool
) -> tuple[str | None, str]:
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named else ""
    if body.startswith(codecs.BOM_UTF8):
        body, charset = body[3:], "utf-8"
    elif body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not charset:
        charset = "utf-16"
    if charset and not _is_charset(charset):
        notes.append(f"The character set {charset[:40]!r} is unknown.")
        charset = ""
    for name in dict.fromkeys((charset or "utf-8", "utf-8")):
        try:
            text = codecs.getincrementaldecoder(name)().decode(body, final=not truncated)
        except UnicodeError:
            if charset and name == charset:
                notes.append(f"It is not valid {charset}.")
            continue
        if not _NOT_TEXT.search(text):
            return text, name
    return None, ""


def _is_charset(name: str) -> bool:
    try:
        b"a".decode(name, "replace")  # refuses codecs such as base64 and zip, too
    except (LookupError, ValueError):
        return False
    return codecs.lookup(name).name.replace("-", "_") not in _NO_CHARSETS
