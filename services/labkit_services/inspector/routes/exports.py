"""Requests as files and commands, and requests from files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import parse_qs

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http import Request, Response
from labkit_services.inspector.formats.har import har_entry, har_head, read_har
from labkit_services.inspector.formats.imports import Exchange, ImportRefusedError
from labkit_services.inspector.formats.json_lines import json_line, read_json_lines
from labkit_services.inspector.formats.secrets import masked
from labkit_services.inspector.formats.snippets import SNIPPETS
from labkit_services.inspector.formats.table import COLUMNS, csv_line, csv_row
from labkit_services.inspector.live.turns import in_turns
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin, find_record
from labkit_services.inspector.storage.bin_store import BinStore

MAX_IMPORT_BYTES = 32 * 1024 * 1024

_TYPES = {"har": "application/json", "jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
_PIECE_BYTES = 64 * 1024
_SAVED_TOGETHER = 200
_Message = TypeVar("_Message", ReceivedRequest, SentResponse)


class ExportRoutes:
    """The routes of exports and imports."""

    def __init__(self, store: BinStore, body_limit: int) -> None:
        self._store = store
        self._body_limit = body_limit
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/export", self._export_bin),
            ("POST", "/api/v1/bins/{bin}/import", self._import),
            ("GET", "/api/v1/bins/{bin}/requests/{id}/export", self._export_request),
        ]

    async def _export_bin(self, request: Request, path: PathValues) -> Response:
        """Return all requests of a bin, the oldest first, in pieces."""
        form, change = _choices(request, tuple(_TYPES))
        name = find_bin(self._store, path).name
        records = map(change, self._store.iterate(name))
        headers = [
            ("Content-Type", _TYPES[form]),
            ("Content-Disposition", f'attachment; filename="{name}.{form}"'),
        ]
        return Response(200, headers, _in_pieces(_lines(form, records)))

    async def _export_request(self, request: Request, path: PathValues) -> Response:
        form, change = _choices(request, (*SNIPPETS, "har"))
        record = change(find_record(self._store, path))
        if form == "har":
            return Response.json(200, {"log": har_head() | {"entries": [har_entry(record)]}})
        return Response(200, [("Content-Type", "text/plain; charset=utf-8")], SNIPPETS[form](record).encode())

    async def _import(self, request: Request, path: PathValues) -> Response:
        """Add the requests of a file; none if one of them is wrong."""
        find_bin(self._store, path)
        data = await request.body(MAX_IMPORT_BYTES)
        count, exchanges = await asyncio.to_thread(_read, data)
        stored = find_bin(self._store, path)
        if count > stored.settings.capacity:
            raise ImportRefusedError(
                "the file has more requests than the bin holds",
                expected=f"at most {stored.settings.capacity}",
                seen=str(count),
                next_step="raise the bin's capacity: PUT /api/v1/bins/NAME",
            )
        ids = []
        async for exchange in in_turns(exchanges):
            if self._store.bins.get(stored.name) is not stored:
                find_bin(self._store, path)  # it was deleted in the meantime
            record, _ = self._store.add(stored.name, self._cut(exchange.request))
            ids.append(record.id)
            if exchange.response is not None:
                self._store.answered(record.id, self._cut(exchange.response))
            if not len(ids) % _SAVED_TOGETHER:
                await self._store.saved()
        await self._store.saved()
        return Response.json(201, {"imported": len(ids), "ids": ids})

    def _cut(self, message: _Message) -> _Message:
        """Return a message with no more of its body than a capture has."""
        return replace(message, body=message.body[: self._body_limit])


def _choices(
    request: Request, forms: tuple[str, ...]
) -> tuple[str, Callable[[RequestRecord], RequestRecord]]:
    """Return the form that is asked for, and what masks secrets if asked."""
    query = {name: values[-1] for name, values in parse_qs(request.query).items()}
    form = query.get("format", forms[0])
    if form not in forms:
        raise InvalidValueError(
            "unknown format", expected="one of " + ", ".join(forms), seen=ascii(form)[:80]
        )
    secrets = query.get("secrets", "keep")
    if secrets not in ("keep", "mask"):
        raise InvalidValueError(
            "invalid value for secrets", expected="keep or mask", seen=ascii(secrets)[:80]
        )
    return form, masked if secrets == "mask" else lambda record: record


def _lines(form: str, records: Iterable[RequestRecord]) -> Iterable[str]:
    if form == "jsonl":
        yield from map(json_line, records)
    elif form == "csv":
        yield csv_line(COLUMNS)
        yield from map(csv_row, records)
    else:
        yield json.dumps({"log": har_head()}).removesuffix("]}}")
        for number, record in enumerate(records):
            yield (",\n" if number else "\n") + json.dumps(har_entry(record))
        yield "]}}\n"


async def _in_pieces(lines: Iterable[str]) -> AsyncIterator[bytes]:
    piece = bytearray()
    async for line in in_turns(lines):
        piece += line.encode()
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _read(data: bytes) -> tuple[int, Iterable[Exchange]]:
    """Return number and exchanges of a HAR or of JSON lines, all checked.

    JSON lines are read again while they are added: a hundred thousand
    exchanges at once take many times the memory of the file.
    """
    begin = data.lstrip()[:1]
    if begin != b"{":
        expected = "a HAR, or JSON lines as `export?format=jsonl` writes them"
        raise ImportRefusedError("the file has an unknown form", expected=expected, seen=ascii(data[:40]))
    if b'"log"' in data[:4096]:
        try:
            document = read_json(data)
        except InvalidJsonError as error:
            raise ImportRefusedError("the file is not JSON", seen=str(error)) from None
        exchanges = read_har(document)
        return len(exchanges), exchanges
    return sum(1 for _ in read_json_lines(data)), read_json_lines(data)
