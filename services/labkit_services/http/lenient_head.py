"""Heads of responses as Go's client reads them, written as in RFC 9112.

The parser refuses what Go's ``http.ReadResponse`` takes: a blank before a
colon, folded lines, control characters, an unknown minor version, the same
``Content-Length`` twice. Such a head is repaired before it is parsed again
(net/http/response.go, transfer.go, and net/textproto/reader.go). Pure.
"""

from __future__ import annotations

import re

from labkit_services.http.go_url import go_quoted

_END = re.compile(rb"\n\r?\n")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FOLD = re.compile(r"\r?\n[ \t]+")
_MOST_BYTES = 2**63 - 1
_FRAMING = ("content-length", "transfer-encoding")


def repaired(received: bytes) -> bytes | None:
    """Return what was received with a head that any parser reads.

    None means that the head has not ended yet. A head that Go refuses, too,
    raises ValueError with Go's text.
    """
    line, newline, _ = received.partition(b"\n")
    if not newline:
        return None
    status_line = _status_line(line.decode("latin-1").rstrip("\r"))
    end = _END.search(received, len(line))
    if end is None:
        return None
    text = received[len(line) + 1 : end.start() + 1].decode("latin-1")
    if text.startswith((" ", "\t")):
        raise ValueError(f"malformed MIME header initial line: {text.splitlines()[0]}")
    pairs = [_pair(field.rstrip("\r")) for field in _FOLD.sub(" ", text).split("\n") if field.strip("\r")]
    head = [status_line, *(f"{name}: {value}" for name, value in _framed(pairs))]
    rest = received[end.end() :]
    if re.match("HTTP/1.1 1(?!01)", status_line):  # an interim response
        following = repaired(rest)
        if following is None:
            return None
        rest = following
    return "\r\n".join([*head, "", ""]).encode("latin-1") + rest


def _status_line(line: str) -> str:
    version, blank, status = line.partition(" ")
    if not blank:
        raise ValueError(f"malformed HTTP response {go_quoted(line)}")
    code, _, text = status.lstrip(" ").partition(" ")
    if not re.fullmatch("[0-9]{3}", code):
        raise ValueError(f"malformed HTTP status code {go_quoted(code)}")
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"malformed HTTP version {go_quoted(version)}")
    understood = "1.1" if (found[1], found[2]) >= ("1", "1") else "1.0"
    return f"HTTP/{understood} {code} {_CONTROL.sub(' ', text)}"


def _pair(field: str) -> tuple[str, str]:
    name, colon, value = field.partition(":")
    if not colon:
        raise ValueError(f"malformed MIME header: missing colon: {go_quoted(field)}")
    return name.rstrip(" \t"), _CONTROL.sub(" ", value).strip(" \t")


def _framed(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out what has no valid name; give the body's length once."""
    kept = [pair for pair in pairs if _TOKEN.fullmatch(pair[0]) and pair[0].lower() not in _FRAMING]
    lengths, encodings = ([value for name, value in pairs if name.lower() == framing] for framing in _FRAMING)
    if len(encodings) > 1:
        raise ValueError(f"too many transfer encodings: [{' '.join(map(go_quoted, encodings))}]")
    if encodings:
        if encodings[0].lower() != "chunked":
            raise ValueError(f"unsupported transfer encoding: {go_quoted(encodings[0])}")
        return [*kept, ("Transfer-Encoding", "chunked")]
    if len(set(lengths)) > 1:
        got = " ".join(map(go_quoted, lengths))
        raise ValueError(f"http: message cannot contain multiple Content-Length headers; got [{got}]")
    if not lengths or not lengths[0]:
        return kept
    if not re.fullmatch("[0-9]+", lengths[0]) or int(lengths[0][:20]) > _MOST_BYTES:
        raise ValueError(f"bad Content-Length {go_quoted(lengths[0])}")
    return [*kept, ("Content-Length", lengths[0])]
