"""Queries for the requests of a bin, in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from labkit_services.contract.names import short_function_name
from labkit_services.inspector.queries.request_query import RequestFilter, RequestPage, RequestQuery
from labkit_services.inspector.queries.search_text import found, needle_of
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.request_rows import SELECT, from_row
from labkit_services.inspector.storage.search_index import SearchIndex

FILTERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "method": ("method = ?", str),
    "status": ("status = ?", int),
    "call_id": ("call_id = ?", str),
    "function": ("function = ?", short_function_name),
    "function_status": ("function_status = ?", int),
    "since_ns": ("received_ns >= ?", int),
    "until_ns": ("received_ns < ?", int),
}
"""Fields of a RequestFilter: the condition, and its parameter's conversion. A
field that is "" or None is no condition."""

_EXACT = 4000
"""Up to this many candidates of the search index are read to count matches.
Beyond, the index's count is returned: it counts a request that has all parts
of the text, but not side by side."""

_FOUND = "found(?, ?, target, headers, body)"


_Result = TypeVar("_Result")


@dataclass
class _Condition:
    """A condition in SQL, with its parameters."""

    sql: str
    parameters: list[Any] = field(default_factory=list)

    def also(self, sql: str, *parameters: Any) -> _Condition:
        return _Condition(f"{self.sql} AND {sql}", [*self.parameters, *parameters])


class Selection:
    """Runs queries on one connection."""

    def __init__(self, db: sqlite3.Connection, index: SearchIndex) -> None:
        self._db = db
        self._index = index
        db.create_function("found", 5, found, deterministic=True)

    def page(self, bin_name: str, key: int, kept: int, query: RequestQuery) -> RequestPage:
        """Return a page of the bin with this key, which holds ``kept``."""
        return self._with_index(lambda: self._page(bin_name, key, kept, query))

    def count(self, key: int, query: RequestQuery) -> int:
        """Return how many requests match and follow ``after``."""
        matching = self._after(_matching(key, query.filter), query)
        return self._with_index(lambda: self._count(matching, query.filter))

    def _with_index(self, run: Callable[[], _Result]) -> _Result:
        """Run a query; if the search index is damaged, again without it."""
        try:
            return run()
        except sqlite3.Error:
            if not self._index.in_use:
                raise
            self._index.discard()
            return run()

    def _page(self, bin_name: str, key: int, kept: int, query: RequestQuery) -> RequestPage:
        matching = _matching(key, query.filter)
        following = self._after(matching, query)
        ids = self._ids(following, query, query.limit + 1)
        is_everything = matching.sql == _matching(key, RequestFilter()).sql and not query.filter.q
        total = kept if is_everything else self._count(matching, query.filter)
        rows = StoredRecords(self._db, bin_name, ids[: query.limit])
        more = len(ids) > query.limit
        last = rows.ulid(-1) if more else None
        return RequestPage(rows, total, last)

    def _after(self, matching: _Condition, query: RequestQuery) -> _Condition:
        if not query.after:
            return matching
        if query.newest:
            edge = "SELECT id FROM requests WHERE ulid >= ? ORDER BY ulid LIMIT 1"
            return matching.also(f"requests.id < ifnull(({edge}), {2**63 - 1})", query.after)
        edge = "SELECT id FROM requests WHERE ulid <= ? ORDER BY ulid DESC LIMIT 1"
        return matching.also(f"requests.id > ifnull(({edge}), 0)", query.after)

    def _ids(self, condition: _Condition, query: RequestQuery, limit: int) -> list[int]:
        order = "DESC" if query.newest else "ASC"
        if not query.filter.q:
            return self._plain_ids(condition, order, limit)
        needle, place = needle_of(query.filter.q), query.filter.place
        verified = condition.also(_FOUND, needle, place)
        indexed = self._index.lookup(needle, place)
        if indexed is None:
            return self._plain_ids(verified, order, limit)
        ids = self._plain_ids(verified.also(indexed.rest), order, limit)
        sql = f"SELECT requests.id FROM {indexed.source} WHERE {indexed.match} AND {verified.sql}"
        sql += f" ORDER BY entries.rowid {order} LIMIT {limit}"
        ids += [row[0] for row in self._db.execute(sql, [indexed.expression, *verified.parameters])]
        return sorted(ids, reverse=query.newest)[:limit]

    def _plain_ids(self, condition: _Condition, order: str, limit: int) -> list[int]:
        sql = f"SELECT id FROM requests WHERE {condition.sql} ORDER BY id {order} LIMIT {limit}"
        return [row[0] for row in self._db.execute(sql, condition.parameters)]

    def _count(self, condition: _Condition, filter_: RequestFilter) -> int:
        if not filter_.q:
            return self._number(f"SELECT count(*) FROM requests WHERE {condition.sql}", condition.parameters)
        needle, place = needle_of(filter_.q), filter_.place
        verified = condition.also(_FOUND, needle, place)
        indexed = self._index.lookup(needle, place)
        if indexed is None:
            return self._number(f"SELECT count(*) FROM requests WHERE {verified.sql}", verified.parameters)
        rest = verified.also(indexed.rest)
        total = self._number(f"SELECT count(*) FROM requests WHERE {rest.sql}", rest.parameters)
        few = f"SELECT rowid FROM {indexed.table} WHERE {indexed.match} LIMIT {_EXACT + 1}"
        if self._number(f"SELECT count(*) FROM ({few})", [indexed.expression]) <= _EXACT:
            sql = f"SELECT count(*) FROM {indexed.source} WHERE {indexed.match} AND {verified.sql}"
            return total + self._number(sql, [indexed.expression, *verified.parameters])
        among = f"SELECT rowid FROM {indexed.table} WHERE {indexed.match}"
        candidates = condition.also(f"requests.id IN ({among})", indexed.expression)
        sql = f"SELECT count(*) FROM requests WHERE {candidates.sql}"
        return total + self._number(sql, candidates.parameters)

    def _number(self, sql: str, parameters: Sequence[Any]) -> int:
        return int(self._db.execute(sql, parameters).fetchone()[0])


def _matching(key: int, filter_: RequestFilter) -> _Condition:
    condition = _Condition("bin = ?", [key])
    for name, (sql, convert) in FILTERS.items():
        value = getattr(filter_, name, None)
        if value not in ("", None):
            condition = condition.also(sql, convert(value))
    return condition


class StoredRecords(Sequence[RequestRecord]):
    """Records that are read one by one: together they may not fit in memory.

    Iterating leaves out those that were deleted meanwhile.
    """

    def __init__(self, db: sqlite3.Connection, bin_name: str, ids: list[int]) -> None:
        self._db = db
        self._bin = bin_name
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[RequestRecord]:
        for row_id in self._ids:
            if (record := self._read(row_id)) is not None:
                yield record

    @overload
    def __getitem__(self, index: int) -> RequestRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RequestRecord]: ...
    def __getitem__(self, index: int | slice) -> RequestRecord | Sequence[RequestRecord]:
        if isinstance(index, slice):
            return StoredRecords(self._db, self._bin, self._ids[index])
        if (record := self._read(self._ids[index])) is None:
            raise IndexError(index)
        return record

    def ulid(self, index: int) -> str:
        """Return the id of a record that exists."""
        row = self._db.execute("SELECT ulid FROM requests WHERE id = ?", (self._ids[index],)).fetchone()
        return str(row[0])

    def _read(self, row_id: int) -> RequestRecord | None:
        row = self._db.execute(f"{SELECT} WHERE id = ?", (row_id,)).fetchone()
        return from_row(self._bin, row) if row else None
