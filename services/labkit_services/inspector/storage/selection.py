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
from labkit_services.inspector.storage.changes import StoredBin
from labkit_services.inspector.storage.history_file import is_damage
from labkit_services.inspector.storage.request_rows import SELECT, from_row
from labkit_services.inspector.storage.search_index import Lookup, SearchIndex

FILTERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "method": ("method = ?", str),
    "status": ("status = ?", int),
    "call_id": ("call_id = ? AND call_id <> ''", str),
    "function": ("function = ?", short_function_name),
    "function_status": ("function_status = ?", int),
    "since_ns": ("received_ns >= ?", int),
    "until_ns": ("received_ns < ?", int),
}
"""Fields of a RequestFilter: the condition, and its parameter's conversion. A
field that is "" or None is no condition."""

_EXACT = 3000
"""Up to this many requests are read to count matches. Beyond, the search
index's count is returned: it counts a request that has all parts of the text,
but not side by side."""

_FOUND = "found(?, ?, requests.target, requests.headers, requests.body)"


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

    def page(self, stored: StoredBin, query: RequestQuery) -> RequestPage:
        """Return the page of a bin's requests that ``query`` selects."""
        return self._with_index(lambda: self._page(stored, query))

    def count(self, stored: StoredBin, query: RequestQuery) -> int:
        """Return how many requests match and follow ``after``."""
        matching = self._after(_matching(stored, query.filter), query)
        return self._with_index(lambda: self._count(stored, matching, query.filter))

    def _with_index(self, run: Callable[[], _Result]) -> _Result:
        """Run a query; if the search index is damaged, again without it."""
        try:
            return run()
        except sqlite3.Error as error:
            if not (self._index.in_use and is_damage(error)):
                raise
            self._index.discard()
            return run()

    def _page(self, stored: StoredBin, query: RequestQuery) -> RequestPage:
        matching = _matching(stored, query.filter)
        ids = self._ids(stored, self._after(matching, query), query)
        is_everything = len(matching.parameters) == 1 and not query.filter.q
        total = stored.kept if is_everything else self._count(stored, matching, query.filter)
        records = StoredRecords(self._db, stored.name, ids[: query.limit])
        return RequestPage(records, total, records.ulid(-1) if len(ids) > query.limit else None)

    def _lookup(self, stored: StoredBin, filter_: RequestFilter) -> Lookup | None:
        """Return how to find candidates; None: read the bin's requests."""
        if stored.kept <= _EXACT:
            return None
        return self._index.lookup(needle_of(filter_.q), filter_.place)

    def _after(self, matching: _Condition, query: RequestQuery) -> _Condition:
        if not query.after:
            return matching
        if query.newest:
            edge = "SELECT id FROM requests WHERE ulid >= ? ORDER BY ulid LIMIT 1"
            return matching.also(f"requests.id < ifnull(({edge}), {2**63 - 1})", query.after)
        edge = "SELECT id FROM requests WHERE ulid <= ? ORDER BY ulid DESC LIMIT 1"
        return matching.also(f"requests.id > ifnull(({edge}), 0)", query.after)

    def _ids(self, stored: StoredBin, condition: _Condition, query: RequestQuery) -> list[int]:
        """Return the ids of the page, and one more if more follow."""
        order, limit = "DESC" if query.newest else "ASC", query.limit + 1
        if not query.filter.q:
            return self._plain_ids(condition, order, limit)
        verified = condition.also(_FOUND, needle_of(query.filter.q), query.filter.place)
        indexed = self._lookup(stored, query.filter)
        if indexed is None:
            return self._plain_ids(verified, order, limit)
        sql = f"SELECT requests.id FROM {indexed.rest} AND {verified.sql}"
        sql += f" ORDER BY entries.id {order} LIMIT {limit}"
        ids = [row[0] for row in self._db.execute(sql, verified.parameters)]
        sql = f"SELECT requests.id FROM {indexed.indexed} AND {verified.sql}"
        sql += f" ORDER BY entries.rowid {order} LIMIT {limit}"
        ids += [row[0] for row in self._db.execute(sql, [indexed.expression, *verified.parameters])]
        return sorted(ids, reverse=query.newest)[:limit]

    def _plain_ids(self, condition: _Condition, order: str, limit: int) -> list[int]:
        sql = f"SELECT id FROM requests WHERE {condition.sql} ORDER BY id {order} LIMIT {limit}"
        return [row[0] for row in self._db.execute(sql, condition.parameters)]

    def _count(self, stored: StoredBin, condition: _Condition, filter_: RequestFilter) -> int:
        if not filter_.q:
            return self._number(f"SELECT count(*) FROM requests WHERE {condition.sql}", condition.parameters)
        verified = condition.also(_FOUND, needle_of(filter_.q), filter_.place)
        indexed = self._lookup(stored, filter_)
        if indexed is None:
            return self._number(f"SELECT count(*) FROM requests WHERE {verified.sql}", verified.parameters)
        total = self._number(f"SELECT count(*) FROM {indexed.rest} AND {verified.sql}", verified.parameters)
        few = f"SELECT count(*) FROM ({indexed.among} LIMIT {_EXACT + 1})"
        if self._number(few, [indexed.expression]) <= _EXACT:
            sql = f"SELECT count(*) FROM {indexed.indexed} AND {verified.sql}"
            return total + self._number(sql, [indexed.expression, *verified.parameters])
        sql = f"SELECT count(*) FROM {indexed.indexed} AND {condition.sql}"
        return total + self._number(sql, [indexed.expression, *condition.parameters])

    def _number(self, sql: str, parameters: Sequence[Any]) -> int:
        return int(self._db.execute(sql, parameters).fetchone()[0])


def _matching(stored: StoredBin, filter_: RequestFilter) -> _Condition:
    condition = _Condition("bin = ?", [stored.key])
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
