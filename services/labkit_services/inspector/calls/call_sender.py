"""Sends calls for the page, as a client of the gateway."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.events import EventType, Row
from labkit_services.contract.headers import CALL_ID, CALLBACK_URL
from labkit_services.http import ClientResponse, UpstreamError
from labkit_services.http.headers import Pair
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.errors import UnavailableError

_SECONDS = 120.0
_SHOWN_BYTES = 256 * 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_OURS = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"}


@dataclass(frozen=True, slots=True)
class CallOrder:
    """A call to be sent.

    Attributes:
        function: Its name, with or without a namespace.
        mode: ``sync`` or ``async``.
        call_id: The ``X-Call-Id``.
    """

    function: str
    mode: str
    body: bytes
    headers: tuple[Pair, ...]
    call_id: str

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> CallOrder:
        """Read the fields of ``POST /api/v1/calls``."""
        known = {"function", "mode", "body", "body_base64", "headers", "callback"}
        if unknown := document.keys() - known:
            raise InvalidValueError(
                f"unknown field: {min(unknown)!a}", expected="one of " + ", ".join(sorted(known))
            )
        function = document.get("function")
        if not isinstance(function, str) or not _NAME.fullmatch(function):
            expected = "lower-case letters, digits and dashes"
            raise InvalidValueError("function is not a name", expected=expected, seen=ascii(function)[:100])
        mode = document.get("mode", "async")
        if mode not in ("sync", "async"):
            raise InvalidValueError("invalid mode", expected="sync or async", seen=ascii(mode)[:100])
        headers = _headers(document.get("headers") or {})
        names = {name.lower(): value for name, value in headers}
        if callback := document.get("callback") or "":
            if mode == "sync" or not isinstance(callback, str):
                expected = "a URL, of an asynchronous call"
                raise InvalidValueError("invalid callback", expected=expected, seen=ascii(callback)[:100])
            headers += _headers({CALLBACK_URL: callback})
        call_id = names.get(CALL_ID.lower(), "")
        if not call_id:
            call_id = str(uuid.uuid4())
            headers.append((CALL_ID, call_id))
        if "content-type" not in names:
            headers.append(("Content-Type", "text/plain"))
        return cls(function, mode, _body(document), tuple(headers), call_id)

    @property
    def path(self) -> str:
        """The path at the gateway."""
        return f"/{'async-' if self.mode == 'async' else ''}function/{quote(self.function)}"


class CallSender:
    """Sends calls, and reports them as a client to the event log."""

    def __init__(self, lab: LabAccess, emit: Callable[[Row], None]) -> None:
        self._lab = lab
        self._emit = emit

    async def send(self, order: CallOrder) -> dict[str, Any]:
        """Send a call; return the gateway's response as JSON.

        Raises:
            UnavailableError: There was none.
        """
        self._report(order, EventType.CLIENT_SENT, mode=order.mode, bytes=len(order.body))
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(_SECONDS):
                response = await self._lab.send("POST", order.path, list(order.headers), order.body)
                shown = await _read_shown(response)
        except TimeoutError as error:
            raise self._failed(order, f"no answer within {_SECONDS:g} s") from error
        except UpstreamError as error:
            raise self._failed(order, str(error)) from error
        except asyncio.CancelledError:
            self._report(order, EventType.CLIENT_ANSWERED, error="the page was closed")
            raise
        self._report(order, EventType.CLIENT_ANSWERED, status=response.status, bytes=len(shown))
        return {
            "call_id": order.call_id,
            "function": order.function,
            "mode": order.mode,
            "status": response.status,
            "seconds": time.perf_counter() - begin,
            "headers": [list(pair) for pair in response.headers.pairs],
            **_body_to_json(shown),
        }

    def _failed(self, order: CallOrder, error: str) -> UnavailableError:
        self._report(order, EventType.CLIENT_ANSWERED, error=error)
        return UnavailableError("the call had no answer", seen=error, next_step="labkit status")

    def _report(self, order: CallOrder, type_: EventType, **data: Any) -> None:
        self._emit([time.time_ns(), type_.value, order.call_id, order.function, 1, data])


async def _read_shown(response: ClientResponse) -> bytes:
    """Return the body's beginning; the rest is not read."""
    data = await response.incoming.read(_SHOWN_BYTES + 1)
    response.close()
    return data


def _body_to_json(data: bytes) -> dict[str, Any]:
    shown = data[:_SHOWN_BYTES]
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = None
    encoded = {} if text is not None else {"body_base64": b64encode(shown).decode()}
    return {"body": text, **encoded, "truncated": len(data) > len(shown)}


def _body(document: Mapping[str, Any]) -> bytes:
    text, encoded = document.get("body", ""), document.get("body_base64", "")
    if not isinstance(text, str) or not isinstance(encoded, str) or (text and encoded):
        raise InvalidValueError("invalid body", expected="body as text, or body_base64")
    try:
        return b64decode(encoded, validate=True) if encoded else text.encode()
    except (Base64Error, ValueError) as error:
        raise InvalidValueError("invalid body_base64", expected="base64", seen=str(error)) from None


def _headers(given: Any) -> list[Pair]:
    pairs = list(given.items()) if isinstance(given, dict) else given
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise InvalidValueError("invalid headers", expected='{"Name": "value"} or [["Name", "value"]]')
    for name, value in pairs:
        if not _HEADER_NAME.fullmatch(name) or any(letter in value for letter in "\r\n\0"):
            raise InvalidValueError(
                "a header can't be sent", expected="a token as name, no line break", seen=ascii(name)[:100]
            )
        if name.lower() in _OURS:
            headline = f"the header {name} is set by the inspector"
            raise InvalidValueError(headline, expected="other headers", next_step="leave it out")
    return [(name, value) for name, value in pairs]


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
