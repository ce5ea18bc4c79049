"""What is checked in a handler's code, and its file."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from labkit.errors import InvalidValueError
from labkit.handlers.errors import HandlerSourceError
from labkit.handlers.source import check_source
from labkit.handlers.spec import HandlerSpec
from labkit.handlers.waiting_thread import WaitingThread

GOOD = {
    "plain": "def handle(event, context): pass",
    "other names": "def handle(req, _): pass",
    "a default": "def handle(event, context=None): pass",
    "more with defaults": "def handle(event, context, more=1, *, keyword=2): pass",
    "all": "def handle(*arguments): pass",
    "one and the rest": "def handle(event, *rest, **more): pass",
    "positional only": "def handle(event, context, /): pass",
    "imported": "from json import loads as handle",
    "a star": "from helper import *",
    "assigned": "handle = lambda event, context: 1",
    "in a tuple": "handle, other = make()",
    "in a branch": "try:\n    import x\nexcept ImportError:\n    def handle(event, context): pass",
    "in an if": "if True:\n    pass\nelse:\n    def handle(e, c): pass",
    "a later one": "def handle(event): pass\ndef handle(event, context): pass",
    "decorated": "@wraps\ndef handle(event, context): pass",
    "a future import": "from __future__ import annotations\ndef handle(event, context): pass",
    "a docstring": '"""Doc."""\n\n\ndef handle(event, context): pass',
}
BAD = {
    "empty": "",
    "a class": "class handle: pass",
    "a method": "class A:\n    def handle(self, event): pass",
    "no parameter": "def handle(): pass",
    "one": "def handle(event): pass",
    "three": "def handle(a, b, c): pass",
    "a keyword": "def handle(a, b, *, c): pass",
    "async": "async def handle(event, context): pass",
    "a lone surrogate": "def handle(event, context): return '\ud800'",
    "a NUL": "def handle(event, context): return '\0'",
    "a magic": "%time\ndef handle(event, context): pass",
    "deep": "(" * 5000 + ")" * 5000,
    "long": "# x\n" * 300_000,
}


@pytest.mark.parametrize("name", GOOD)
def test_code_that_defines_handle_is_accepted(name: str) -> None:
    check_source(HandlerSpec("fn", GOOD[name]))


@pytest.mark.parametrize("name", BAD)
def test_other_code_is_an_error_that_names_the_function(name: str) -> None:
    with pytest.raises(HandlerSourceError) as raised:
        check_source(HandlerSpec("fn", BAD[name]))

    assert "fn" in raised.value.headline


@pytest.mark.parametrize(("first_line", "shift"), [(1, 1), (2, 0), (5, 0)])
def test_the_file_has_the_line_numbers_of_the_cell(first_line: int, shift: int) -> None:
    spec = HandlerSpec("fn", "a = 1\nb = 2", first_line=first_line)

    lines = spec.file_text("# mark").split("\n")

    assert lines[0] == "# mark"
    assert lines[first_line + shift - 1] == "a = 1"
    assert spec.shift == shift


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "-a", "a-", "a" * 64, "a/b", "..", "ä", "a\n", "build", "edited"]
)
def test_a_name_that_openfaas_does_not_take_is_an_error(name: str) -> None:
    with pytest.raises(InvalidValueError):
        HandlerSpec(name, "")


@pytest.mark.parametrize("pair", [("", "x"), ("a", ""), ("a=b", "c"), ("a", "b\nc"), ("a\0", "b")])
def test_a_pair_that_no_flag_can_carry_is_an_error(pair: tuple[str, str]) -> None:
    for kind in ("env", "labels", "annotations"):
        with pytest.raises(InvalidValueError):
            HandlerSpec("fn", "", **{kind: dict([pair])})  # type: ignore[arg-type]


def test_a_waiting_thread_takes_jobs_only_while_it_waits_and_loses_none() -> None:
    waiting, ended, done = WaitingThread(), threading.Event(), []
    assert not waiting.offer(lambda: None)
    threads: list[bool] = []

    def note(number: int) -> None:
        done.append((number, threading.current_thread()))

    def offer() -> None:
        for number in range(200):
            job = partial(note, number)
            threads.append(waiting.offer(job))
            if not threads[-1]:
                job()
            time.sleep(0.0005)
        ended.set()

    offering = threading.Thread(target=offer)
    offering.start()
    assert waiting.wait(ended, 10, lambda: None)
    offering.join()

    assert sorted(number for number, _ in done) == list(range(200))
    assert threads.count(True) > 150
    assert sum(thread is threading.main_thread() for _, thread in done) == threads.count(True)
    assert not waiting.offer(lambda: None)


def test_while_a_job_runs_others_go_elsewhere_unless_it_waits_too() -> None:
    waiting, outer_ended = WaitingThread(), threading.Event()
    seen: list[bool] = []

    def nested() -> None:
        seen.append(waiting.offer(lambda: None))
        inner_ended = threading.Event()
        other = threading.Timer(0.05, lambda: (seen.append(waiting.offer(lambda: None)), inner_ended.set()))
        other.start()
        waiting.wait(inner_ended, 5, lambda: None)
        outer_ended.set()

    threading.Timer(0.05, lambda: waiting.offer(nested)).start()

    assert waiting.wait(outer_ended, 5, lambda: None)
    assert seen == [False, True]


def test_a_wait_ends_at_its_timeout() -> None:
    began = time.monotonic()

    assert not WaitingThread().wait(threading.Event(), 0.1, lambda: None)
    assert 0.09 < time.monotonic() - began < 2
