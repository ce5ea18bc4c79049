"""A watch over a lab, and the announcements that it waits for."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from labkit.clients.lab_watch import LabWatch
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import GatewayError, InvalidValueError, LabGoneError, LabResetError
from labkit.supervisor.announcements import Announcements


class Supervisor:
    """A client whose supervisor is in this process."""

    def __init__(self) -> None:
        self.announcements = Announcements()
        self.end: dict[str, Any] | None = None
        self.killed = asyncio.Event()

    async def next_announcement(self, number: int | None) -> dict[str, Any]:
        news = asyncio.create_task(self.announcements.next(number), name="news")
        killed = asyncio.create_task(self.killed.wait(), name="killed")
        await asyncio.wait({news, killed}, return_when=asyncio.FIRST_COMPLETED)
        if not news.done():
            raise self.gone()
        return news.result()

    def gone(self) -> LabGoneError:
        return LabGoneError(self.end["how"] if self.end else None)


def watch_of(supervisor: Supervisor) -> LabWatch:
    return LabWatch(cast(SupervisorClient, supervisor), lambda name, error: pytest.fail(f"{name}: {error}"))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_reset_interrupts_what_waits_and_not_what_comes_later() -> None:
    async def run() -> None:
        supervisor = Supervisor()
        watch = watch_of(supervisor)
        waiting = [asyncio.create_task(watch.guard(asyncio.sleep(60)), name="wait") for _ in range(3)]
        await settle()
        supervisor.announcements.announce_reset("the notebook 1.ipynb (process 7)")
        for wait in waiting:
            with pytest.raises(LabResetError, match=r"reset at .* by the notebook 1.ipynb \(process 7\)\."):
                await wait
        assert await watch.guard(asyncio.sleep(0, "later")) == "later"
        await watch.close()

    asyncio.run(run())


def test_an_end_interrupts_everything_from_then_on() -> None:
    async def run() -> None:
        supervisor = Supervisor()
        watch = watch_of(supervisor)
        wait = asyncio.create_task(watch.guard(asyncio.sleep(60)), name="wait")
        await settle()
        supervisor.announcements.announce_stop("labkit down")
        supervisor.announcements.announce_end("a later cause")
        for late in (wait, watch.guard(asyncio.sleep(60))):
            with pytest.raises(LabGoneError, match="it was stopped by labkit down"):
                await late

    asyncio.run(run())


def test_a_killed_supervisor_interrupts_what_waits() -> None:
    async def run() -> None:
        supervisor = Supervisor()
        watch = watch_of(supervisor)
        wait = asyncio.create_task(watch.guard(asyncio.sleep(60)), name="wait")
        await settle()
        supervisor.killed.set()
        with pytest.raises(LabGoneError):
            await wait

    asyncio.run(run())


def test_a_lost_connection_is_reported_as_its_cause() -> None:
    async def run() -> None:
        supervisor = Supervisor()
        watch = watch_of(supervisor)

        async def lose_connection() -> None:
            await settle()
            asyncio.get_running_loop().call_later(0.02, supervisor.announcements.announce_reset, "x")
            raise GatewayError("closed")

        with pytest.raises(LabResetError):
            await watch.guard(lose_connection())
        await watch.close()

    asyncio.run(run())


@pytest.mark.parametrize("error", [GatewayError("404"), InvalidValueError("bad"), ValueError("bug")])
def test_an_error_without_a_change_of_the_lab_stays(error: Exception) -> None:
    async def fail() -> None:
        raise error

    async def run() -> None:
        watch = watch_of(Supervisor())
        with pytest.raises(type(error)) as caught:
            await watch.guard(fail())
        assert caught.value is error
        await watch.close()

    asyncio.run(run())


def test_a_cancelled_wait_cleans_up_first() -> None:
    cleaned = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(True)

    async def run() -> None:
        watch = watch_of(Supervisor())
        wait = asyncio.create_task(watch.guard(work()), name="wait")
        await settle()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert cleaned == [True]
        await watch.close()

    asyncio.run(run())


def test_a_client_s_name_for_itself_is_one_short_line() -> None:
    async def run() -> None:
        announcements = Announcements()
        announcements.announce_reset("a\nb\x1b[31m" + "c" * 1000)
        how = (await announcements.next(None))["how"]
        assert how.startswith("by a?b?[31mccc")
        assert len(how) < 250

    asyncio.run(run())
