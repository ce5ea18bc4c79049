"""A replay as a client asks for it: what is changed, how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from labkit_services.contract.compact_json import encode
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import whole_number
from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Pair, end_to_end
from labkit_services.inspector.errors import RequestRefusedError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.resend.forwarding import without_own_cookies
from labkit_services.inspector.responding.delays import parse_delay
from labkit_services.inspector.responding.rule_input import (
    check_method,
    check_request_header,
    decode_base64,
    to_wire,
)

_FIELDS = ("target", "method", "headers", "body", "body_base64", "path", "times", "gap")
_URL_LETTERS = "!$%&'()*+,/:;=?@[]^`{|}~<>\""
"""Sent as they came; unlike ``#`` and ``\\``."""
_MAX_TIMES, _MAX_SECONDS = 100, 60.0
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "www-authenticate"})
"""Not sent to another server than the one that got them, as browsers do; but
if a replay sets them itself, they are."""


class NotReplayableError(RequestRefusedError):
    """The request can't be replayed as it came."""

    status = 409


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request to send; ``left_out`` names the headers that are secret."""

    method: str
    url: str
    headers: tuple[Pair, ...]
    body: bytes
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay; None and "" change nothing.

    Attributes:
        target: URL of another server. Without a path, the original's is added.
        path: Path and query to request instead.
        headers: Values by name, None removes; or a list that replaces all.
        content_type: Of a new body that is JSON.
        gap: Seconds between two sends.
    """

    target: str = ""
    method: str = ""
    path: str = ""
    headers: dict[str, str | None] | tuple[Pair, ...] = ()
    body: bytes | None = None
    content_type: str = ""
    times: int = 1
    gap: float = 0.0

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Replay:
        """Parse a replay; an invalid one raises InvalidValueError."""
        if unknown := document.keys() - set(_FIELDS):
            raise InvalidValueError(
                f"replay has an unknown field: {min(unknown)[:80]!a}", expected=", ".join(_FIELDS)
            )
        given = {name: value for name, value in document.items() if value is not None}
        target, path = given.get("target", ""), given.get("path", "")
        if not isinstance(target, str) or not isinstance(path, str):
            raise InvalidValueError("replay.target and replay.path are texts")
        try:
            urlsplit(target)
        except ValueError as error:
            raise InvalidValueError("replay.target is not a URL", seen=f"{target[:200]!a}: {error}") from None
        if path and not path.startswith("/"):
            raise InvalidValueError("replay.path does not begin with /", seen=ascii(path)[:80])
        times = whole_number("replay.times", given.get("times", 1), _MAX_TIMES)
        gap = parse_delay("replay.gap", given.get("gap", 0))
        if (times - 1) * gap > _MAX_SECONDS:
            raise InvalidValueError(
                "the replay takes too long",
                expected=f"at most {_MAX_SECONDS:g} s for all gaps",
                seen=f"{(times - 1) * gap:g} s",
            )
        body, content_type = _body(given)
        return cls(
            target=target,
            method=check_method(given["method"], "replay.method") if "method" in given else "",
            path=path,
            headers=_headers(given.get("headers", {})),
            body=body,
            content_type=content_type,
            times=times,
            gap=gap,
        )

    def apply(self, record: RequestRecord, own_url: str) -> OutgoingRequest:
        """Return the request to send.

        Raises:
            NotReplayableError: Only the beginning of its body was kept.
        """
        request = record.request
        if self.body is None and request.truncated:
            raise NotReplayableError(
                "only the beginning of the request's body was kept, so it can't be sent again",
                expected="a whole body",
                seen=f"{len(request.body)} of {request.size} bytes",
                next_step="give another body in the replay, or raise max_body",
            )
        headers = without_own_cookies(end_to_end(request.headers))
        secret: tuple[str, ...] = ()
        if self.target:
            secret = tuple(name for name, _ in headers if name.lower() in _SECRET)
            headers = [pair for pair in headers if pair[0].lower() not in _SECRET]
        headers = self._changed(headers)
        given = {name.lower() for name, _ in headers}
        return OutgoingRequest(
            method=self.method or request.method,
            url=self._url(record, own_url),
            headers=tuple(headers),
            body=request.body if self.body is None else self.body,
            left_out=tuple(name for name in dict.fromkeys(secret) if name.lower() not in given),
        )

    def _changed(self, headers: list[Pair]) -> list[Pair]:
        if isinstance(self.headers, tuple):
            headers = list(self.headers) or headers
        else:
            changed = {name.lower() for name in self.headers}
            headers = [pair for pair in headers if pair[0].lower() not in changed]
            headers += [(name, value) for name, value in self.headers.items() if value is not None]
        if self.content_type and not self._sets_content_type():
            headers = [pair for pair in headers if pair[0].lower() != "content-type"]
            headers.append(("Content-Type", self.content_type))
        return headers

    def _sets_content_type(self) -> bool:
        names = self.headers if isinstance(self.headers, dict) else [name for name, _ in self.headers]
        return any(name.lower() == "content-type" for name in names)

    def _url(self, record: RequestRecord, own_url: str) -> str:
        target = urlsplit(self.target or own_url)
        path = self.path
        if not path and (not self.target or (target.path in ("", "/") and not target.query)):
            path = readable(record.request.path)
            path += f"?{readable(record.request.query)}" if record.request.query else ""
        if not path:
            return self.target
        # What could be read as another URL is encoded; nothing is dropped.
        way, _, query = quote(path, safe=_URL_LETTERS).partition("?")
        return urlunsplit((target.scheme, target.netloc, way, query, ""))


def _headers(document: object) -> dict[str, str | None] | tuple[Pair, ...]:
    if isinstance(document, dict):
        return {check_request_header(name, value): _value(value) for name, value in document.items()}
    if isinstance(document, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in document):
        pairs = [(check_request_header(name, value), _value(value)) for name, value in document]
        return tuple((name, value or "") for name, value in pairs)
    raise InvalidValueError(
        "replay.headers are not headers",
        expected='{"X-Name": "value", "X-Removed": null} or [["X-Name", "value"]]',
        seen=ascii(document)[:80],
    )


def _value(value: str | None) -> str | None:
    return None if value is None else to_wire(value)


def _body(given: dict[str, Any]) -> tuple[bytes | None, str]:
    if "body" in given and "body_base64" in given:
        raise InvalidValueError("the replay has two bodies", expected="body or body_base64")
    if "body_base64" in given:
        return decode_base64(given["body_base64"], "replay"), ""
    body = given.get("body")
    if body is None or isinstance(body, str):
        return None if body is None else body.encode(), ""
    return encode(body).encode(), "application/json"
