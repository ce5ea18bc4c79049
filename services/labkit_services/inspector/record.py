"""What is kept of one captured request, and how it is told."""

from __future__ import annotations

import base64
import codecs
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.callback import Callback

# Control characters of text: tab, line ends, backspace, and escape for colours.
_NOT_TEXT = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")

# What a record costs beside its bytes; only has to be of the right order.
_OVERHEAD = 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came over the wire.

    Attributes:
        received_ns: Unix nanoseconds at which its head had arrived.
        body_seconds: From then to the end of its body.
        peer: Address and port of the sender.
        http_version: ``1.0`` or ``1.1``.
        method: As sent.
        target: The request line's target, untouched.
        path: Its path, still percent-encoded.
        subpath: What of the path follows the bin's name; "/" if nothing does.
        query: Its raw query string, without ``?``.
        headers: In wire order and spelling; values are latin-1, byte for byte.
        body: The first bytes of the body, at most as many as are kept.
        size: Bytes of the whole body.
        sha256: Of the whole body, in hex.
        callback: What OpenFaaS said in the headers, if anything.
    """

    received_ns: int
    body_seconds: float
    peer: tuple[str, int]
    http_version: str
    method: str
    target: str
    path: str
    subpath: str
    query: str
    headers: tuple[Pair, ...]
    body: bytes
    size: int
    sha256: str
    callback: Callback | None

    @property
    def truncated(self) -> bool:
        """Tell whether the body was longer than what is kept of it."""
        return self.size > len(self.body)

    @property
    def memory(self) -> int:
        """Bytes that keeping it costs, about."""
        heads = sum(len(name) + len(value) for name, value in self.headers)
        return _OVERHEAD + heads + 2 * len(self.target) + len(self.body)

    @property
    def text(self) -> str | None:
        """The body as text, or None if it is none; the end of a cut body may lack a letter."""
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(self.body, final=not self.truncated)
        except UnicodeDecodeError:
            return None
        return None if _NOT_TEXT.search(text) else text


@dataclass(frozen=True, slots=True)
class Record:
    """A captured request and its place: ``seq`` counts from 1 in each bin, without gaps."""

    id: str
    bin: str
    seq: int
    arrival: Arrival

    def summary(self) -> dict[str, Any]:
        """Return what a list shows: all but headers and body."""
        arrival = self.arrival
        headers = Headers(arrival.headers)
        return {
            "id": self.id,
            "bin": self.bin,
            "seq": self.seq,
            "received_at": iso_time(arrival.received_ns),
            "remote_addr": arrival.peer[0],
            "remote_port": arrival.peer[1],
            "http_version": arrival.http_version,
            "method": arrival.method,
            "url": _url(arrival, headers),
            "path": arrival.path,
            "subpath": arrival.subpath,
            "query_string": arrival.query,
            "content_type": headers.get("Content-Type"),
            "content_length": arrival.size,
            "body_sha256": arrival.sha256,
            "truncated": arrival.truncated,
            "timing": {"first_byte": 0.0, "body_complete": round(arrival.body_seconds, 6)},
            "openfaas": arrival.callback.to_json() if arrival.callback else None,
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything, as the API tells it."""
        arrival = self.arrival
        told = self.summary() | {
            "query": parse_qs(arrival.query, keep_blank_values=True),
            "headers": arrival.headers,
            "body_base64": base64.b64encode(arrival.body).decode(),
        }
        text = arrival.text
        if text is not None:
            told["body"] = text
        return told


def iso_time(ns: int) -> str:
    """Write Unix nanoseconds as ``2026-08-22T10:00:00.123456Z``."""
    second, rest = divmod(ns, 1_000_000_000)
    moment = datetime.fromtimestamp(second, UTC).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _url(arrival: Arrival, headers: Headers) -> str:
    if not arrival.target.startswith("/"):
        return arrival.target
    return f"http://{headers.get('Host')}{arrival.target}"
