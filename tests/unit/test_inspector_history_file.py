"""The history's file: schema steps, transactions, what is kept after an error."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from received_requests import callback, received_request

from labkit_services.contract.errors import InvalidValueError, UnsafePathError
from labkit_services.inspector.errors import NotSavedError, TooManyError
from labkit_services.inspector.queries.request_query import RequestQuery
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage import selection
from labkit_services.inspector.storage.bin_store import BinStore, StoreLimits
from labkit_services.inspector.storage.history_file import connect
from labkit_services.inspector.storage.schema import STEPS, VERSION, migrate

SENT = SentResponse(
    503, (("A", "ü"), ("B", "")), b"\0\xff", "rule 1", "?_status", delay=0.5, started=1.5, ended=2.0, held=1.0
)
HEADERS = (("Host", "h"), ("a", "1"), ("A", ""), ("X-Call-Id", "ab"), ("X-Raw", "\xfc: x"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inspector" / "inspector.sqlite3"


def bodies(store: BinStore, query: str) -> list[bytes]:
    return [record.request.body for record in store.select("a", RequestQuery.parse(query)).records]


def test_a_record_comes_back_as_it_was(path: Path) -> None:
    store = BinStore(path=path)
    request = received_request(
        headers=HEADERS, body=bytes(range(256)), size=10_000, query="x=1", method="X-Y"
    )
    record, _ = store.add("a", request, replay_of="other")
    store.answered(record.id, SENT)
    store.annotate("a", record.id, note="näh", mark="red", pinned=True)
    store.close()
    expected = RequestRecord(record.id, "a", 1, request, SENT, "näh", "red", pinned=True, replay_of="other")
    assert BinStore(path=path).record("a", "latest") == expected


def test_text_that_is_no_unicode_is_stored_with_a_substitute(path: Path) -> None:
    store = BinStore(path=path)
    half = "\ud800"
    record, _ = store.add("a", received_request(headers=(("A", half),), target=f"/{half}", query=half))
    store.answered(record.id, SentResponse(200, (("B", f"1{half}\n2"),)))
    store.annotate("a", record.id, note=half, mark=half)
    found = store.record("a", record.id)
    assert found is not None
    assert found.response is not None
    assert (found.note, found.mark, found.request.target) == ("?", "?", "/?")
    assert (found.request.headers, found.response.headers) == ((("A", "?"),), (("B", "1? 2"),))


@pytest.mark.parametrize("fields", [{"received_ns": 2**63}, {"received_ns": -1}, {"size": 2**63}])
def test_numbers_that_do_not_fit_are_refused(path: Path, fields: dict[str, int]) -> None:
    store = BinStore(path=path)
    with pytest.raises(InvalidValueError):
        store.add("a", received_request(**fields))
    assert store.bins == {}


def test_settings_and_counts_of_a_bin_come_back(path: Path) -> None:
    store = BinStore(path=path)
    store.create("a", 3, answer=404)
    store.change_settings("a", note="n", rules=({"status": 503},), hold={"enabled": True}, secret="s")
    for _ in range(5):
        store.add("a", received_request())
    before = store.bins["a"]
    store.close()
    after = BinStore(path=path).bins["a"]
    for name in ("settings", "explicit", "received", "kept", "dropped", "created_ns", "last_received_ns"):
        assert getattr(after, name) == getattr(before, name), name


def test_a_version_1_file_with_requests_is_upgraded(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    store = BinStore(path=path)
    for number in range(50):
        store.add("a", callback(f"call-{number}"))
    store.close()
    db = connect(path)
    db.execute("DROP INDEX requests_by_bin")
    db.execute("DROP INDEX requests_by_call")
    db.execute("PRAGMA user_version = 1")
    db.close()

    upgraded = BinStore(path=path)

    assert upgraded.bins["a"].kept == 50
    assert upgraded.select("a", RequestQuery.parse("call_id=call-7")).total == 1
    upgraded.close()
    db = connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    assert {"requests_by_bin", "requests_by_call"} <= names


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_the_steps_lead_from_every_version_to_the_same_schema(tmp_path: Path, version: int) -> None:
    def schema(db: sqlite3.Connection) -> list[str]:
        return sorted(row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))

    fresh, old = connect(tmp_path / "fresh"), connect(tmp_path / "old")
    migrate(fresh)
    for step in STEPS[:version]:
        old.executescript(step)
    old.execute(f"PRAGMA user_version = {version}")
    migrate(old)
    assert schema(old) == schema(fresh)


def test_a_failed_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = connect(tmp_path / "db")
    monkeypatch.setattr(
        "labkit_services.inspector.storage.schema.STEPS", (STEPS[0], "CREATE TABLE nonsense (")
    )
    with pytest.raises(sqlite3.Error):
        migrate(db)
    assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert db.execute("PRAGMA user_version").fetchone() == (0,)


def test_a_foreign_or_linked_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    (tmp_path / "elsewhere").touch()
    for beside in ("", "-wal", "-shm"):
        link = path.with_name(path.name + beside)
        link.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UnsafePathError):
            BinStore(path=path)
        link.unlink()
    path.touch(mode=0o600)
    path.chmod(0o666)
    with pytest.raises(UnsafePathError):
        BinStore(path=path)


def test_deleted_requests_do_not_come_back(path: Path) -> None:
    store = BinStore(path=path)
    first, _ = store.add("a", received_request(body=b"1"))
    store.add("a", received_request(body=b"2"))
    store.add("b", received_request())
    store.add("c", received_request())
    store.delete_record(first)
    store.clear(store.bins["b"])
    store.delete(store.bins["c"])
    store.close()
    again = BinStore(path=path)
    assert {name: stored.kept for name, stored in again.bins.items()} == {"a": 1, "b": 0}
    assert bodies(again, "") == [b"2"]
    assert list(again.iterate("b")) == []


def test_dropped_requests_that_a_kill_left_in_the_file_are_dropped_once(path: Path) -> None:
    store = BinStore(StoreLimits(capacity=3), path)
    first, _ = store.add("a", received_request(body=b"0"))
    store.annotate("a", first.id, pinned=True)
    for number in range(1, 21):
        store.add("a", received_request(body=b"%d" % number))
    rows = connect(path)
    # The store was not closed: another one sees what a kill would leave.
    (left,) = rows.execute("SELECT count(*) FROM requests").fetchone()
    assert left == 21, "the test is without effect: nothing is deleted late"

    again = BinStore(path=path)
    stored = again.bins["a"]
    assert (stored.received, stored.kept, stored.pinned, stored.dropped) == (21, 4, 1, 17)
    assert bodies(again, "order=oldest") == [b"0", b"18", b"19", b"20"]
    assert rows.execute("SELECT count(*) FROM requests").fetchone() == (4,)
    assert again.select("a", RequestQuery.parse("")).total == 4
    rows.close()
    again.close()


@pytest.mark.anyio
async def test_many_dropped_requests_are_deleted_without_a_read(path: Path) -> None:
    store = BinStore(StoreLimits(capacity=3), path)
    rows = connect(path)
    for _ in range(10):
        for _ in range(100):
            store.add("a", received_request())
        await store.saved()
        assert rows.execute("SELECT count(*) FROM requests").fetchone()[0] <= 3 + 256 + 100
    assert (store.bins["a"].kept, store.bins["a"].dropped) == (3, 997)
    rows.close()
    store.close()


def test_pinned_requests_stay_and_are_limited(path: Path) -> None:
    store = BinStore(StoreLimits(capacity=2), path)
    first, _ = store.add("a", received_request(body=b"0"))
    store.annotate("a", first.id, pinned=True)
    for number in range(1, 6):
        store.add("a", received_request(body=b"%d" % number))
    assert bodies(store, "order=oldest") == [b"0", b"4", b"5"]
    assert (store.bins["a"].kept, store.bins["a"].dropped) == (3, 3)
    store.annotate("a", store.select("a", RequestQuery.parse("")).records[0].id, pinned=True)
    newest, _ = store.add("a", received_request(body=b"6"))
    with pytest.raises(TooManyError):
        store.annotate("a", newest.id, pinned=True)
    store.annotate("a", first.id, pinned=False)
    assert store.bins["a"].pinned == 1
    assert bodies(store, "order=oldest") == [b"4", b"5", b"6"]


@pytest.mark.anyio
async def test_all_changes_of_a_turn_are_one_commit_and_saved_waits_for_it(path: Path) -> None:
    store = BinStore(path=path)
    await store.saved()
    other = sqlite3.connect(path)
    count = "SELECT count(*) FROM requests"
    for _ in range(3):
        store.add("a", received_request())
    assert other.execute(count).fetchone() == (0,)
    await asyncio.gather(*(store.saved() for _ in range(3)))
    assert other.execute(count).fetchone() == (3,)
    other.close()
    store.close()


@pytest.mark.anyio
async def test_a_reader_sees_what_is_not_committed_yet(path: Path) -> None:
    store = BinStore(path=path)
    record, _ = store.add("a", received_request(body=b"new"))
    assert bodies(store, "") == [b"new"]
    store.answered(record.id, SENT)
    answered = store.record("a", record.id)
    assert answered is not None
    assert answered.response == SENT
    assert bodies(store, "status=503") == [b"new"]
    store.close()


@pytest.mark.anyio
async def test_what_can_not_be_saved_is_an_error_and_leaves_the_counts_right(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit_services.inspector.storage.group_commit._BUSY_SECONDS", 0.1)
    store = BinStore(path=path)
    record, _ = store.add("a", received_request())
    store.answered(record.id, SENT)
    held, _ = store.add("a", received_request(body=b"held"))
    await store.saved()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    lost, _ = store.add("a", received_request())
    store.answered(lost.id, SENT)
    waiting, _ = store.add("a", received_request(body=b"waiting"))
    store.add("new", received_request())
    with pytest.raises(NotSavedError):
        await store.saved()
    other.execute("ROLLBACK")
    other.close()

    # Exchanges that are still open are saved later, with their response.
    store.answered(held.id, SENT)
    store.answered(waiting.id, SENT)
    await store.saved()

    assert bodies(store, "order=oldest") == [b"", b"held", b"waiting"]
    assert store.bins["a"].kept == 3
    assert bodies(store, "status=503&order=oldest") == [b"", b"held", b"waiting"]
    store.close()
    again = BinStore(path=path)
    assert again.bins["a"].kept == 3


@pytest.mark.anyio
async def test_a_bug_while_saving_fails_the_requests_of_its_turn_and_no_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    store = BinStore(path=path)
    await store.saved()
    with monkeypatch.context() as broken:
        broken.setattr("labkit_services.inspector.storage.history.to_row", lambda *_: 1 / 0)
        store.answered(store.add("a", received_request())[0].id, SENT)
        with pytest.raises(NotSavedError):
            await store.saved()
    store.answered(store.add("a", received_request())[0].id, SENT)
    await store.saved()
    assert (store.bins["a"].kept, len(list(store.iterate("a")))) == (1, 1)
    store.close()


@pytest.mark.parametrize("indexed", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize(
    "wanted", ["q=needle", "q=NEEDLE", "q=ne%22ed", "q=%2500end", "q=ab", "q=x", "q=%C3%BC"]
)
def test_search_with_and_without_the_index_finds_the_same_as_the_filter(
    path: Path, indexed: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "SCANNED", 0)
    store = BinStore(path=path)
    texts = ["needle", "NeEdLe", "need le", 'ne"ed', "%00end", "\0end", "ab", "x", "üx", "nee eed edl dle"]
    for text in texts:
        store.add("a", received_request(body=text.encode()))
        store.add("a", received_request(headers=(("N", text.encode().decode("latin-1")),)))
        store.add("a", received_request(target=f"/r/a?{text}"))
    if indexed:
        while store.index.update():
            pass
        assert store.index.up_to == 3 * len(texts)
    store.add("a", received_request(body=b"a late needle"))
    for place in ("any", "body", "headers", "query"):
        query = RequestQuery.parse(f"{wanted}&in={place}&limit=500&order=oldest")
        page = store.select("a", query)
        expected = [record.seq for record in store.iterate("a") if query.filter(record)]
        assert [record.seq for record in page.records] == expected
        assert page.total >= len(expected)
        assert store.count("a", query) >= len(expected)


def test_a_damaged_index_is_made_again_and_searches_go_on(path: Path) -> None:
    store = BinStore(path=path)
    store.add("a", received_request(body=b"needle"))
    store.index.update()
    store.close()
    (path.parent / "inspector.sqlite3-search").write_bytes(b"garbage" * 1000)
    again = BinStore(path=path)
    assert bodies(again, "q=needle") == [b"needle"]
    again.index.update()
    assert again.index.up_to == 1


def test_dropped_requests_leave_the_index(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit_services.inspector.storage.search_index._SLACK", 10)
    monkeypatch.setattr(selection, "SCANNED", 0)
    store = BinStore(StoreLimits(capacity=5), path)
    for number in range(100):
        store.add("a", received_request(body=b"needle %d" % number))
        store.index.update()
    while store.index.update():
        pass
    index = sqlite3.connect(path.parent / "inspector.sqlite3-search")
    (entries,) = index.execute("SELECT entries FROM state").fetchone()
    index.close()
    assert entries <= 2 * 5 + 10 + 1
    assert bodies(store, "q=needle") == [b"needle %d" % number for number in (99, 98, 97, 96, 95)]
