"""Bins within bounds: rings, memory, names, and who is told."""

from __future__ import annotations

import pytest
from arrivals import arrival

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.inspector.errors import ReservedNameError, TooManyError, UnusableNameError
from labkit_services.inspector.names import RESERVED, checked, color_of, split_capture_path
from labkit_services.inspector.store import Bounds, Change, Store


def bodies(store: Store, name: str = "a") -> list[bytes]:
    return [record.arrival.body for record in store.bins[name].records.values()]


def told_by(store: Store) -> list[str]:
    told: list[str] = []

    def listen(change: Change) -> None:
        told.append(
            f"{change.kind.value} {change.bin.name} {change.record.seq if change.record else ''}".strip()
        )

    store.listeners.append(listen)
    return told


# -- names


@pytest.mark.parametrize("name", ["a", "1i7i1we1", "my-bin_2.x", "-", "_", "A" * 64])
def test_plain_names_can_be_used(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a b", "a/b", "<script>", "ü", "a" * 65, "a\n", "a%"]
)
def test_other_names_cannot(name: str) -> None:
    with pytest.raises(UnusableNameError):
        checked(name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_are_refused_and_a_free_one_is_proposed(name: str) -> None:
    with pytest.raises(ReservedNameError) as caught:
        checked(name)
    assert repr(name) in caught.value.headline
    proposed = caught.value.next_step.split()[-1].removeprefix("/r/")
    assert checked(proposed) == proposed


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


def test_a_colour_is_always_the_same_and_most_bins_have_their_own() -> None:
    assert color_of("callbacks") == color_of("callbacks")
    colors = {color_of(f"bin-{number}") for number in range(20)}
    assert len(colors) > 15


# -- bins


def test_a_bin_is_made_by_its_first_request() -> None:
    store = Store()
    assert [store.add("a", arrival())[1] for _ in range(2)] == [True, False]
    assert list(store.bins) == ["a"]


def test_making_a_bin_twice_is_the_same_bin() -> None:
    store = Store()
    first, created = store.create("a")
    again, created_again = store.create("a")
    assert (first is again, created, created_again) == (True, True, False)


def test_too_many_bins_give_up_the_one_unused_for_longest_that_nobody_asked_for() -> None:
    store = Store(Bounds(bins=3))
    store.create("asked")
    store.add("old", arrival())
    store.add("newer", arrival())
    store.add("old", arrival())
    told = told_by(store)
    store.add("fourth", arrival())
    assert list(store.bins) == ["asked", "old", "fourth"]
    assert told == ["bin.deleted newer", "bin.created fourth", "request.received fourth 1"]


def test_bins_that_were_asked_for_are_never_given_up() -> None:
    store = Store(Bounds(bins=2))
    store.create("a")
    store.add("b", arrival())
    store.create("b")
    with pytest.raises(TooManyError):
        store.add("c", arrival())
    assert list(store.bins) == ["a", "b"]


@pytest.mark.parametrize("capacity", [0, -1, 2001])
def test_a_capacity_has_bounds(capacity: int) -> None:
    with pytest.raises(InvalidValueError):
        Store().create("a", capacity)


# -- the ring


def test_a_full_bin_drops_the_oldest_and_counts_it() -> None:
    store = Store(Bounds(capacity=3))
    for number in range(5):
        store.add("a", arrival(body=b"%d" % number))
    kept = store.bins["a"]
    assert bodies(store) == [b"2", b"3", b"4"]
    assert (kept.dropped, kept.count) == (2, 5)
    assert [record.seq for record in kept.records.values()] == [3, 4, 5]


def test_what_a_bin_answers_is_told_when_it_changes_and_refused_before_a_bin_is_made_for_it() -> None:
    store = Store()
    told = told_by(store)
    store.create("a", answer=503)
    store.create("a", answer=503)
    store.create("a", answer=200)
    with pytest.raises(InvalidValueError):
        store.create("b", answer=99)

    assert told == ["bin.created a", "bin.changed a", "bin.changed a"]


def test_a_smaller_capacity_takes_effect_at_once() -> None:
    store = Store()
    for number in range(5):
        store.add("a", arrival(body=b"%d" % number))
    store.create("a", 2)
    assert (bodies(store), store.bins["a"].dropped) == ([b"3", b"4"], 3)


def test_full_memory_drops_the_oldest_of_all_bins() -> None:
    size = arrival(body=b"x" * 10_000).memory
    store = Store(Bounds(memory=3 * size))
    store.add("a", arrival(body=b"x" * 10_000))
    for _ in range(3):
        store.add("b", arrival(body=b"x" * 10_000))
    assert (len(store.bins["a"].records), len(store.bins["b"].records)) == (0, 3)
    assert (store.bins["a"].dropped, store.bins["b"].dropped) == (1, 0)
    assert store.memory == 3 * size


def test_memory_counts_headers_too() -> None:
    assert arrival(headers=(("A", "x" * 60_000),)).memory > 60_000


def test_memory_returns_to_nothing() -> None:
    store = Store(Bounds(capacity=5))
    for number in range(20):
        store.add(f"bin{number % 3}", arrival(body=b"x" * number))
    store.delete_record(next(iter(store.bins["bin0"].records.values())))
    store.clear(store.bins["bin1"])
    for target in list(store.bins.values()):
        store.delete(target)
    assert (store.memory, store.bins) == (0, {})


def test_clearing_keeps_the_bin_and_its_numbers() -> None:
    store = Store()
    store.add("a", arrival())
    store.clear(store.bins["a"])
    record, created = store.add("a", arrival())
    assert (record.seq, created, store.bins["a"].dropped) == (2, False, 0)


def test_listeners_are_told_of_each_change_in_order() -> None:
    store = Store()
    told = told_by(store)
    record, _ = store.add("a", arrival())
    store.delete_record(record)
    store.clear(store.bins["a"])
    store.delete(store.bins["a"])
    assert told == [
        "bin.created a",
        "request.received a 1",
        "request.deleted a 1",
        "bin.cleared a",
        "bin.deleted a",
    ]


def test_a_refused_request_leaves_nothing() -> None:
    store = Store()
    told = told_by(store)
    with pytest.raises(LabError):
        store.add("api", arrival())
    assert (store.bins, told, store.memory) == ({}, [], 0)
