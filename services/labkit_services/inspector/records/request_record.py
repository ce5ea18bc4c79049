"""A captured request, and its representation as JSON."""

from __future__ import annotations

import base64
import codecs
import re
from typing import Any
from urllib.parse import parse_qs

from labkit_services.contract.times import rfc3339
from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.records.received_callback import CallbackHeaders
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.records.switch_names import without_switches
from labkit_services.inspector.records.value_class import value_class

# Control characters that text does not contain. It may contain tab, line ends,
# backspace, and escape for colours.
_NOT_TEXT = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")

_FORM = "application/x-www-form-urlencoded"
_MAX_FORM_FIELDS = 1000


@value_class
class ReceivedRequest:
    """A request as it was received.

    Attributes:
        received_ns: Unix nanoseconds at which its head had arrived.
        body_seconds: From then to the end of its body.
        target: The request line's target, unchanged but for raw UTF-8, which
            is percent-encoded.
        path: Its path, still percent-encoded.
        subpath: The part of the path after the bin's name; "/" if there is
            none.
        query: Its raw query string, without ``?``.
        headers: In the order and spelling of the sender; values are latin-1,
            byte for byte.
        body: The first bytes of the body, up to the limit.
        size: Bytes of the whole body, whose hash is ``sha256``.
        callback: The headers of an OpenFaaS callback, if there are any.
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
    callback: CallbackHeaders | None

    @property
    def truncated(self) -> bool:
        """Tell whether only the beginning of the body was kept."""
        return self.size > len(self.body)

    @property
    def is_imported(self) -> bool:
        """Tell whether it came from a file: it has no sender."""
        return not self.peer[0]

    @property
    def text(self) -> str | None:
        """The body as text, or None if it is binary.

        The end of a truncated body may lack a letter.
        """
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(self.body, final=not self.truncated)
        except UnicodeDecodeError:
            return None
        return None if _NOT_TEXT.search(text) else text


@value_class
class RequestRecord:
    """A captured request in its bin, with the response to it.

    Attributes:
        seq: Counts from 1 in each bin.
        response: None while the exchange is open.
        note: A text of the user.
        mark: A mark of the user, such as a colour's name.
        pinned: It is not dropped for newer requests.
        replay_of: Id of the request that it repeats, or None.
    """

    id: str
    bin: str
    seq: int
    request: ReceivedRequest
    response: SentResponse | None = None
    note: str = ""
    mark: str = ""
    pinned: bool = False
    replay_of: str | None = None

    def summary(self) -> dict[str, Any]:
        """Return all fields but headers and body, for lists."""
        request = self.request
        headers = Headers(request.headers)
        is_path = request.target.startswith("/")
        return {
            "id": self.id,
            "bin": self.bin,
            "seq": self.seq,
            "received_at": rfc3339(request.received_ns),
            "remote_addr": request.peer[0],
            "remote_port": request.peer[1],
            "http_version": request.http_version,
            "method": request.method,
            "url": readable(f"http://{headers.get('Host')}{request.target}" if is_path else request.target),
            "path": readable(request.path),
            "subpath": readable(request.subpath),
            "query_string": readable(without_switches(request.query)),
            "content_type": readable(headers.get("Content-Type")),
            "content_length": request.size,
            "body_sha256": request.sha256,
            "truncated": request.truncated,
            "response": self.response.summary() if self.response else None,
            "timing": self._timing(),
            "openfaas": request.callback.to_json() if request.callback else None,
            "replay_of": self.replay_of,
            "note": self.note or None,
            "mark": self.mark or None,
            "pinned": self.pinned,
        }

    def _timing(self) -> dict[str, float | None]:
        """Return offsets in seconds; None for what has not happened yet."""
        response = self.response
        return {
            "first_byte": 0.0,
            "body_complete": round(self.request.body_seconds, 6),
            "response_start": round(response.started, 6) if response else None,
            "response_end": round(response.ended, 6) if response else None,
            "held": round(response.held, 6) if response else 0.0,
        }

    def to_json(self) -> dict[str, Any]:
        """Return all fields."""
        request = self.request
        document = self.summary() | {
            "query": parse_qs(readable(without_switches(request.query)), keep_blank_values=True),
            "headers": tuple((name, readable(value)) for name, value in request.headers),
            "body_base64": base64.b64encode(request.body).decode(),
            "form": self._form(),
            "response": self.response.to_json() if self.response else None,
        }
        if (text := request.text) is not None:
            document["body"] = text
        return document

    def _form(self) -> dict[str, list[str]] | None:
        """Return the fields of a URL-encoded form; None for other bodies."""
        kind = Headers(self.request.headers).get("Content-Type").partition(";")[0].strip().lower()
        if kind != _FORM or (text := self.request.text) is None:
            return None
        try:
            return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS)
        except ValueError:
            return None
