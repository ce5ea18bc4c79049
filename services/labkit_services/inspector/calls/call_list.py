"""Lists of calls as JSON, written piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from labkit_services.call_record.call_index import CallIndex
from labkit_services.contract.compact_json import encode
from labkit_services.contract.names import short_function_name
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_query import CallPage, CallQuery, select_calls
from labkit_services.inspector.errors import NotFoundError

_STEP = 20


def list_response(index: CallIndex, query: CallQuery, now_ns: int) -> Response:
    """Return the page of calls that ``query`` selects."""
    page = select_calls(index, query)
    rest = {
        "next": page.next,
        "total": page.total,
        "now": now_ns / 1e9,
        "counts": index.counted(),
        "faults": index.faults(),
        "dropped": index.log.dropped,
    }
    return Response(200, [("Content-Type", "application/json")], _encoded(index, page, rest, now_ns))


async def _encoded(
    index: CallIndex, page: CallPage, rest: dict[str, Any], now_ns: int
) -> AsyncIterator[bytes]:
    # A document of thousands of calls at once would hold up every capture.
    yield b'{"calls":['
    separator = b""
    for begin in range(0, len(page.calls), _STEP):
        calls = [encode(index.to_json(one.call, now_ns)) for one in page.calls[begin : begin + _STEP]]
        yield separator + ",".join(calls).encode()
        separator = b","
        await asyncio.sleep(0)
    yield b"]," + encode(rest).encode()[1:]


def call_named(request: Request, path: dict[str, str]) -> tuple[str, str]:
    """Return the id that a path names, and ``?function=``, which may be ""."""
    function = dict(parse_qsl(request.query)).get("function", "")
    return unquote(path["id"]), short_function_name(function)


def one_response(index: CallIndex, call_id: str, function: str, now_ns: int) -> Response:
    """Return a call, or raise NotFoundError."""
    call = index.log.get(call_id, function)
    if call is None:
        of = f" of {function[:80]}" if function else ""
        raise NotFoundError(
            f"there is no call {call_id[:80]!a}{of}",
            expected="the id of a call in the event log",
            seen=f"{len(index.log)} calls, {index.log.dropped} were dropped",
            next_step="list the calls: GET /api/v1/calls",
        )
    return Response.json(200, index.to_json(call, now_ns))
