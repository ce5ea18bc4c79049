"""The store of bins: names, limits, rings, memory, and its listeners."""

from __future__ import annotations

import pytest
from received_requests import received_request

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.inspector.errors import InvalidNameError, ReservedNameError, TooManyError
from labkit_services.inspector.records.bin_names import RESERVED, check_bin_name, color_of, split_capture_path
from labkit_services.inspector.storage.bin_store import BinStore, StoreLimits
from labkit_services.inspector.storage.changes import StoreChange


def bodies(store: BinStore, name: str = "a") -> list[bytes]:
    return [record.request.body for record in store.iterate(name)]


def record_changes(store: BinStore) -> list[str]:
    changes: list[str] = []

    def listen(change: StoreChange) -> None:
        changes.append(
            f"{change.kind.value} {change.bin.name} {change.record.seq if change.record else ''}".strip()
        )

    store.listeners.add(listen)
    return changes


# -- names


@pytest.mark.parametrize("name", ["a", "1i7i1we1", "my-bin_2.x", "-", "_", "A" * 64])
def test_plain_names_are_valid(name: str) -> None:
    assert check_bin_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a b", "a/b", "<script>", "ü", "a" * 65, "a\n", "a%"]
)
def test_other_names_are_invalid(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_bin_name(name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_the_error_for_a_reserved_name_proposes_a_valid_one(name: str) -> None:
    with pytest.raises(ReservedNameError) as caught:
        check_bin_name(name)
    assert repr(name) in caught.value.headline
    suggestion = caught.value.next_step.split()[-1].removeprefix("/r/")
    assert check_bin_name(suggestion) == suggestion


@pytest.mark.parametrize(
    ("path", "name", "subpath"),
    [
        ("/r/bin", "bin", "/"),
        ("/r/bin/", "bin", "/"),
        ("/r/bin/a/b", "bin", "/a/b"),
        ("/bin", "bin", "/"),
        ("/bin/r/x", "bin", "/r/x"),
        ("/r/r/x", "r", "/x"),
        ("/b%69n/%20", "bin", "/%20"),
        ("//bin", "", "/bin"),
        ("*", "*", "/"),
    ],
)
def test_a_capture_path_is_split_after_the_bin(path: str, name: str, subpath: str) -> None:
    assert split_capture_path(path) == (name, subpath)


def test_colours_are_stable_and_mostly_distinct() -> None:
    assert color_of("callbacks") == color_of("callbacks")
    colors = {color_of(f"bin-{number}") for number in range(20)}
    assert len(colors) > 15


# -- bins


def test_the_first_request_creates_its_bin() -> None:
    store = BinStore()
    assert [store.add("a", received_request())[1] for _ in range(2)] == [True, False]
    assert list(store.bins) == ["a"]


def test_creating_a_bin_twice_returns_the_same_bin() -> None:
    store = BinStore()
    first, created = store.create("a")
    again, created_again = store.create("a")
    assert (first is again, created, created_again) == (True, True, False)


def test_the_least_recently_used_implicit_bin_is_evicted() -> None:
    store = BinStore(StoreLimits(bins=3))
    store.create("asked")
    store.add("old", received_request())
    store.add("newer", received_request())
    store.add("old", received_request())
    changes = record_changes(store)
    store.add("fourth", received_request())
    assert list(store.bins) == ["asked", "old", "fourth"]
    assert changes == ["bin.deleted newer", "bin.created fourth", "request.received fourth 1"]


def test_explicitly_created_bins_are_never_evicted() -> None:
    store = BinStore(StoreLimits(bins=2))
    store.create("a")
    store.add("b", received_request())
    store.create("b")
    with pytest.raises(TooManyError):
        store.add("c", received_request())
    assert list(store.bins) == ["a", "b"]


@pytest.mark.parametrize("capacity", [0, -1, 100_001])
def test_the_capacity_has_limits(capacity: int) -> None:
    with pytest.raises(InvalidValueError):
        BinStore().create("a", capacity)


# -- the ring


def test_a_full_bin_drops_and_counts_the_oldest_request() -> None:
    store = BinStore(StoreLimits(capacity=3))
    for number in range(5):
        store.add("a", received_request(body=b"%d" % number))
    kept = store.bins["a"]
    assert bodies(store) == [b"2", b"3", b"4"]
    assert (kept.dropped, kept.received) == (2, 5)
    assert [record.seq for record in store.iterate("a")] == [3, 4, 5]


def test_a_new_answer_notifies_listeners_and_an_invalid_one_creates_no_bin() -> None:
    store = BinStore()
    changes = record_changes(store)
    store.create("a", answer=503)
    store.create("a", answer=503)
    store.create("a", answer=200)
    with pytest.raises(InvalidValueError):
        store.create("b", answer=99)

    assert changes == ["bin.created a", "bin.changed a", "bin.changed a"]


def test_a_smaller_capacity_takes_effect_at_once() -> None:
    store = BinStore()
    for number in range(5):
        store.add("a", received_request(body=b"%d" % number))
    store.create("a", 2)
    assert (bodies(store), store.bins["a"].dropped) == ([b"3", b"4"], 3)


def test_full_disk_space_drops_the_oldest_request_of_all_bins() -> None:
    limit = 1_000_000
    store = BinStore(StoreLimits(bytes=limit))
    store.add("a", received_request(body=b"x" * 10_000))
    for _ in range(200):
        store.add("b", received_request(body=b"x" * 10_000))
    assert (store.bins["a"].kept, store.bins["a"].dropped) == (0, 1)
    kept, dropped = store.bins["b"].kept, store.bins["b"].dropped
    assert kept + dropped == 200
    assert 60 < kept < 100
    assert 0.9 * limit < store.used_bytes <= limit
    assert [record.seq for record in store.iterate("b")] == list(range(dropped + 1, 201))


def test_nothing_is_left_when_everything_was_deleted() -> None:
    store = BinStore(StoreLimits(capacity=5))
    for number in range(20):
        store.add(f"bin{number % 3}", received_request(body=b"x" * number))
    empty = BinStore().used_bytes
    store.delete_record(next(store.iterate("bin0")))
    store.clear(store.bins["bin1"])
    for target in list(store.bins.values()):
        store.delete(target)
    while store.purge():
        pass
    assert (store.used_bytes, store.bins) == (empty, {})


@pytest.mark.anyio
async def test_deleting_trash_spares_the_first_request_of_a_new_bin() -> None:
    """The row of a new bin is written after its request, in the same commit."""
    store = BinStore()
    store.add("cleared", received_request())
    store.clear(store.bins["cleared"])
    await store.saved()
    while store.purge():
        await store.saved()

    records = [store.add(name, received_request())[0] for name in ("new", "cleared")]
    assert [store.record(record.bin, record.id) for record in records] == records
    assert not store.purge()
    await store.saved()

    assert [store.record(record.bin, record.id) for record in records] == records


def test_clearing_keeps_the_bin_and_continues_the_numbering() -> None:
    store = BinStore()
    store.add("a", received_request())
    store.clear(store.bins["a"])
    record, created = store.add("a", received_request())
    assert (record.seq, created, store.bins["a"].dropped) == (2, False, 0)


def test_listeners_are_notified_of_each_change_in_order() -> None:
    store = BinStore()
    changes = record_changes(store)
    record, _ = store.add("a", received_request())
    store.delete_record(record)
    store.clear(store.bins["a"])
    store.delete(store.bins["a"])
    assert changes == [
        "bin.created a",
        "request.received a 1",
        "request.deleted a 1",
        "bin.cleared a",
        "bin.deleted a",
    ]


def test_a_request_to_an_invalid_name_stores_nothing() -> None:
    store = BinStore()
    changes = record_changes(store)
    with pytest.raises(LabError):
        store.add("api", received_request())
    assert (store.bins, changes) == ({}, [])
