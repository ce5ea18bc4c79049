"""Detecting the content type of a response, as Go's HTTP server does."""

from __future__ import annotations

import pytest

from labkit_services.watchdog.mime_sniffing import detect_content_type

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
UNKNOWN = "application/octet-stream"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", TEXT),
        (b"hello\n", TEXT),
        ("Grüße".encode(), TEXT),
        (b"\x1b[1mbold\x1b[0m", TEXT),
        (b'{"json": "has no signature"}', TEXT),
        (b"\x00\x01\x02", UNKNOWN),
        (b"text with a \x07 bell", UNKNOWN),
        (b"<html><body>", HTML),
        (b"  \n<!doctype HTML >", HTML),
        (b"<!-- a comment -->", HTML),
        (b"<p>short", HTML),
        (b"<paragraph>", TEXT),
        (b"<html", TEXT),
        (b'\n<?xml version="1.0"?>', "text/xml; charset=utf-8"),
        (b"%PDF-1.7", "application/pdf"),
        (b"%!PS-Adobe-3.0", "application/postscript"),
        (b"\xef\xbb\xbfwith a mark", TEXT),
        (b"\xfe\xff\x00a", "text/plain; charset=utf-16be"),
        (b"\xff\xfea\x00", "text/plain; charset=utf-16le"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"BM6\x00", "image/bmp"),
        (b"\x00\x00\x01\x00\x01", "image/x-icon"),
        (b"RIFF\n\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\n\x00\x00\x00WAVEfmt ", "audio/wave"),
        (b"ID3\x04", "audio/mpeg"),
        (b"OggS\x00\x02", "application/ogg"),
        (b"\x1aE\xdf\xa3\x01", "video/webm"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video/mp4"),
        (b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isommp41", "video/mp4"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avif", UNKNOWN),
        (b"\x1f\x8b\x08\x00", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x00asm\x01", "application/wasm"),
    ],
)
def test_the_type_is_detected_from_the_first_bytes(data: bytes, expected: str) -> None:
    assert detect_content_type(data) == expected


def test_only_the_first_512_bytes_are_examined() -> None:
    assert detect_content_type(b"a" * 512 + b"\x00") == TEXT
    assert detect_content_type(b"a" * 511 + b"\x00") == UNKNOWN
