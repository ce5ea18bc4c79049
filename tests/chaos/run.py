"""One run: load, faults, drain, and the reckoning."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.api import Gateway
from tests.chaos.faults import Faults
from tests.chaos.growth import Growth, Sampler, growths
from tests.chaos.ledger import Arrival, Ledger, Promise, Verdict, counts, open_promises, table, verdicts
from tests.chaos.load import Load, deploy
from tests.chaos.schedule import schedule
from tests.chaos.stack import Stack
from tests.chaos.witness import CallbackTarget, Runs

_LOOK_SECONDS = 5.0
_SOAK_MARKS = (1_000, 10_000, 100_000)
_ENOUGH_FOR_A_TREND_SECONDS = 120.0
"""A shorter run says nothing about growth: everything grows at its start."""


@dataclass(frozen=True)
class Plan:
    """What a run is to be like.

    Attributes:
        seconds: Length of the load.
        seed: Where all chance comes from.
        faults: Whether there are any.
        rate: Calls a second.
        pause: Mean seconds between the beginnings of two faults.
        calls: So many calls instead of ``seconds``; 0 for no such limit.
        window: Accepted calls that may not have run yet; callers wait while it is full.
        patience: Seconds after the load in which nothing may happen while a promise is not kept.
    """

    seconds: float
    seed: int
    faults: bool = True
    rate: float = 40.0
    pause: float = 2.0
    calls: int = 0
    window: int = 1000
    patience: float = 60.0


@dataclass
class Report:
    """What came of it."""

    verdicts: list[Verdict]
    growths: list[Growth]
    given_up: list[str]
    left: dict[str, int]
    text: str = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether every invariant held."""
        return (
            not any(verdict.broken for verdict in self.verdicts)
            and all(growth.is_bounded for growth in self.growths)
            and not self.given_up
            and not any(self.left.values())
        )

    @property
    def broken(self) -> set[str]:
        """The calls that broke an invariant."""
        return {call_id for verdict in self.verdicts for call_id in verdict.broken}


class Run:
    """Puts a stack under load and faults."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._stack = stack
        self._plan = plan
        self._ledger = Ledger()
        self._runs = Runs(stack.folder)
        self._target = CallbackTarget(self._on_arrival)
        self._sampler = Sampler(stack.folder)
        self._soak: dict[int, dict[str, float]] = {}
        self._began = time.monotonic()

    async def run(self) -> Report:
        """Do it all; the stack is started, but not stopped: there may be questions to it."""
        plan = self._plan
        await self._target.start()
        await self._stack.start()
        gateway = Gateway(self._stack.gateway_url, self._stack.user, self._stack.password)
        self._load = Load(gateway, self._target, plan.seed, self._on_promise)
        self._faults = Faults(self._stack, self._target)
        await deploy(gateway, self._runs)
        faults = []
        if plan.faults:
            faults = schedule(plan.seed, plan.seconds, self._stack.targets, pause=plan.pause)
        self._began = time.monotonic()
        watching = asyncio.create_task(self._watch())
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._load.run(plan.rate, self._is_enough, self._has_room))
                both.create_task(self._faults.run(faults))
            loaded = self._elapsed()
            drained = await self._drain(gateway)
            await self._look()
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        if not watching.cancelled():
            watching.result()  # it ended early: by an error
        report = await self._reckon(gateway, loaded, drained)
        gateway.close()
        await self._target.stop()
        return report

    # -- while it runs

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _on_promise(self, promise: Promise) -> None:
        self._ledger.promises[promise.call_id] = promise

    def _on_arrival(self, call_id: str, arrival: Arrival) -> None:
        self._ledger.arrivals.setdefault(call_id, []).append(arrival)

    def _is_enough(self) -> bool:
        if self._plan.calls:
            return len(self._ledger.promises) >= self._plan.calls
        return self._elapsed() >= self._plan.seconds

    def _has_room(self) -> bool:
        self._runs.read_into(self._ledger.runs)
        return len(self._ledger.promises) - len(self._ledger.runs) < self._plan.window

    async def _watch(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        self._runs.read_into(self._ledger.runs)
        pids = await self._stack.pids()
        watchdogs = await self._stack.pids_of("watchdog")
        await asyncio.to_thread(self._sampler.look, self._elapsed(), pids, watchdogs)
        ledger = self._ledger
        for mark in _SOAK_MARKS:
            if self._plan.calls and mark not in self._soak and len(ledger.runs) >= mark:
                self._soak[mark] = self._sampler.memory()
        print(
            f"{self._elapsed():7.0f} s  accepted {len(ledger.promises):>7,}  ran {len(ledger.runs):>7,}  "
            f"called back {len(ledger.arrivals):>7,}  faults {self._faults.done.total():>4}",
            flush=True,
        )

    async def _drain(self, gateway: Gateway) -> float:
        """Wait until every promise is kept, or nothing happens any more; return the seconds it took."""
        began = changed = time.monotonic()
        last: tuple[int, ...] = ()
        while True:
            self._runs.read_into(self._ledger.runs)
            self._ledger.dead = await gateway.dead_letters()
            now = time.monotonic()
            if not open_promises(self._ledger) and not any((await self._left(gateway)).values()):
                return now - began
            seen = tuple(
                sum(map(len, one.values()))
                for one in (self._ledger.runs, self._ledger.arrivals, self._ledger.dead)
            )
            if seen != last:
                last, changed = seen, now
            elif now - changed > self._plan.patience:
                return now - began
            await asyncio.sleep(0.5)

    # -- the reckoning

    async def _left(self, gateway: Gateway) -> dict[str, int]:
        """Return how many calls JetStream says are still in each queue."""
        return {
            queue["name"]: queue["pending"] + queue["inFlight"] + queue["waitingForRetry"]
            for queue in await gateway.system("GET", "/system/queues")
        }

    async def _reckon(self, gateway: Gateway, loaded: float, drained: float) -> Report:
        self._runs.read_into(self._ledger.runs)
        self._ledger.dead = await gateway.dead_letters()
        grown = []
        if loaded >= _ENOUGH_FOR_A_TREND_SECONDS:
            grown = growths([one for one in self._sampler.samples if one.at <= loaded], loaded)
        report = Report(
            verdicts(self._ledger, faults=self._plan.faults),
            grown,
            await self._stack.given_up(),
            await self._left(gateway),
            "",
        )
        report.text = "\n".join(self._paragraphs(report, loaded, drained))
        return report

    def _paragraphs(self, report: Report, loaded: float, drained: float) -> Iterator[str]:
        plan = self._plan
        yield f"seed {plan.seed}, {loaded:.0f} s of load, drained in {drained:.1f} s"
        if plan.faults:
            faults = self._faults
            yield f"\nfaults: {faults.done.total()}, missed for want of a process: {faults.missed}"
            yield table(sorted(faults.done.items()))
        yield "\ncallers' answers"
        yield table(sorted(self._load.outcomes.items()))
        yield "\ncounts"
        yield table(counts(self._ledger).items())
        yield "\ninvariants: calls that break them, of those they are held against"
        yield table((v.name, f"{len(v.broken):,} of {v.held_against:,}") for v in report.verdicts)
        yield table([("calls left in a queue", sum(report.left.values()))])
        yield table([("services given up", len(report.given_up))])
        for line in report.given_up:
            yield f"    {line}"
        if report.growths:
            yield "\ngrowth over the second half"
            for growth in report.growths:
                yield f"  {'' if growth.is_bounded else 'UNBOUNDED '}{growth}"
        if self._soak:
            yield "\nsoak: memory of its own (USS, MiB) after so many calls"
            for name in self._sampler.memory():
                marks = ", ".join(
                    f"{mark:,}: {memory.get(name, 0):.1f}" for mark, memory in self._soak.items()
                )
                yield f"  {name}  {marks}"
        yield "\npassed" if report.passed else "\nFAILED"


async def post_mortem(stack: Stack, call_ids: list[str]) -> str:
    """Return what the record and the logs say of calls that broke an invariant."""
    gateway = Gateway(stack.gateway_url, stack.user, stack.password)
    lines = []
    for call_id in call_ids:
        try:
            lines.append(f"{call_id}: {await gateway.system('GET', f'/async-function/{call_id}')}")
        except TimeoutError:
            lines.append(f"{call_id}: the record does not answer")
        lines += [f"    {line}" for line in _grep(stack.logs, call_id)]
    gateway.close()
    return "\n".join(lines)


def _grep(folder: Path, text: str) -> Iterator[str]:
    for log in sorted(folder.glob("*.log*")):
        with log.open(errors="replace") as file:
            yield from (f"{log.name}: {line.rstrip()[:300]}" for line in file if text in line)
