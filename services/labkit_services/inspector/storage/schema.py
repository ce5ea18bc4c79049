"""The tables of the history, and the steps from one version to the next."""

from __future__ import annotations

import os
import sqlite3

_TABLES = """
CREATE TABLE facts (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity TEXT NOT NULL,          -- which database this is
    change_number INTEGER NOT NULL,  -- of the newest change
    last_row INTEGER NOT NULL        -- no id of a request is used twice
);
CREATE TABLE bins (
    key INTEGER PRIMARY KEY,         -- a new one when the bin is cleared
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,          -- JSON
    explicit INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    last_use INTEGER NOT NULL,
    received INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    last_received_ns INTEGER
);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    bin INTEGER NOT NULL,            -- a key of bins; any other is trash
    ulid TEXT NOT NULL,
    seq INTEGER NOT NULL,
    received_ns INTEGER NOT NULL,
    method TEXT NOT NULL,
    status INTEGER,                  -- NULL: the exchange is open
    call_id TEXT NOT NULL,
    function TEXT NOT NULL,
    function_status INTEGER,
    pinned INTEGER NOT NULL,
    note TEXT NOT NULL,
    mark TEXT NOT NULL,
    replay_of TEXT,
    body_seconds REAL NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    http_version TEXT NOT NULL,
    target TEXT NOT NULL,
    path TEXT NOT NULL,
    subpath TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,           -- "name: value" lines
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    rule TEXT,
    overridden_by TEXT,
    delay REAL,
    started REAL,
    ended REAL,
    held REAL,
    sent_headers TEXT,
    sent_body BLOB,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX requests_by_ulid ON requests (ulid);
"""

# The first index holds all that a filter needs: with 100,000 requests a list
# reads it in a few milliseconds, and the rows only of the page.
_INDEXES = """
CREATE INDEX requests_by_bin ON requests
    (bin, id, pinned, method, status, function, function_status, received_ns);
CREATE INDEX requests_by_call ON requests (bin, call_id, id) WHERE call_id <> '';
"""

STEPS = (_TABLES, _INDEXES)
"""Step N leads from version N to N + 1; version 0 is an empty file."""

VERSION = len(STEPS)


class NewerVersionError(Exception):
    """A newer labkit wrote the history."""


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this version, all or nothing.

    Raises:
        NewerVersionError: They are of a newer version.
        sqlite3.Error: They can't be read or written.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise NewerVersionError(str(version))
    if version == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version, VERSION):
            for statement in STEPS[number].split(";\n"):
                db.execute(statement)
        if version == 0:
            db.execute("INSERT INTO facts VALUES (1, ?, 0, 0)", (os.urandom(16).hex(),))
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
