"""One run of the suite: load, faults, drain, evaluation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.api import GatewayApi
from tests.chaos.faults import FaultInjector
from tests.chaos.growth import Growth, Sampler, growths
from tests.chaos.invariants import (
    InvariantResult,
    Observations,
    PromisedCall,
    ReceivedCallback,
    check_invariants,
    counts,
    table,
    unkept_promises,
)
from tests.chaos.load import LoadGenerator, deploy
from tests.chaos.oracle import CallbackTarget, RunLog
from tests.chaos.schedule import schedule
from tests.chaos.stack import SystemUnderTest

_LOOK_SECONDS = 5.0
_SOAK_MARKS = (1_000, 10_000, 100_000)
_ENOUGH_FOR_A_TREND_SECONDS = 120.0
"""A shorter run cannot show a trend: everything grows at its start."""


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run.

    Attributes:
        seconds: Length of the load.
        seed: Seed of the random numbers.
        faults: Whether to inject faults.
        rate: Calls a second.
        pause: Mean seconds between the beginnings of two faults.
        calls: Number of calls that ends the load, instead of ``seconds``; 0 for no such limit.
        window: Accepted calls that may not have run yet; callers wait while it is full.
        timeout: Seconds without progress after which unkept promises are no longer waited for.
    """

    seconds: float
    seed: int
    faults: bool = True
    rate: float = 40.0
    pause: float = 2.0
    calls: int = 0
    window: int = 1000
    timeout: float = 60.0


@dataclass
class RunReport:
    """The result of a run."""

    results: list[InvariantResult]
    growths: list[Growth]
    failed_services: list[str]
    left: dict[str, int]
    text: str = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether every invariant held."""
        return (
            not any(result.broken for result in self.results)
            and all(growth.is_bounded for growth in self.growths)
            and not self.failed_services
            and not any(self.left.values())
        )

    @property
    def broken(self) -> set[str]:
        """Ids of the calls that violate an invariant."""
        return {call_id for result in self.results for call_id in result.broken}


class ChaosRun:
    """Put a stack under load and faults, and evaluate the outcome."""

    def __init__(self, stack: SystemUnderTest, plan: RunSettings) -> None:
        self._stack = stack
        self._plan = plan
        self._observed = Observations()
        self._runs = RunLog(stack.folder)
        self._target = CallbackTarget(self._on_callback)
        self._sampler = Sampler(stack.folder)
        self._soak: dict[int, dict[str, float]] = {}
        self._began = time.monotonic()

    async def run(self) -> RunReport:
        """Run everything; the system is left running, for ``post_mortem``."""
        plan = self._plan
        await self._target.start()
        await self._stack.start()
        gateway = GatewayApi(self._stack.gateway_url, self._stack.user, self._stack.password)
        self._load = LoadGenerator(gateway, self._target, plan.seed, self._on_promise)
        self._faults = FaultInjector(self._stack, self._target)
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
        report = await self._evaluate(gateway, loaded, drained)
        gateway.close()
        await self._target.stop()
        return report

    # -- while it runs

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _on_promise(self, promise: PromisedCall) -> None:
        self._observed.promises[promise.call_id] = promise

    def _on_callback(self, call_id: str, callback: ReceivedCallback) -> None:
        self._observed.callbacks.setdefault(call_id, []).append(callback)

    def _is_enough(self) -> bool:
        if self._plan.calls:
            return len(self._observed.promises) >= self._plan.calls
        return self._elapsed() >= self._plan.seconds

    def _has_room(self) -> bool:
        self._runs.read_into(self._observed.runs)
        return len(self._observed.promises) - len(self._observed.runs) < self._plan.window

    async def _watch(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        self._runs.read_into(self._observed.runs)
        pids = await self._stack.pids()
        watchdogs = await self._stack.pids_of("watchdog")
        await asyncio.to_thread(self._sampler.look, self._elapsed(), pids, watchdogs)
        observed = self._observed
        for mark in _SOAK_MARKS:
            if self._plan.calls and mark not in self._soak and len(observed.runs) >= mark:
                self._soak[mark] = self._sampler.memory()
        print(
            f"{self._elapsed():7.0f} s  accepted {len(observed.promises):>7,}  ran {len(observed.runs):>7,}  "
            f"called back {len(observed.callbacks):>7,}  faults {self._faults.done.total():>4}",
            flush=True,
        )

    async def _drain(self, gateway: GatewayApi) -> float:
        """Wait until promises are kept or progress stops; return seconds."""
        began = changed = time.monotonic()
        last: tuple[int, ...] = ()
        while True:
            self._runs.read_into(self._observed.runs)
            self._observed.dead = await gateway.dead_letters()
            now = time.monotonic()
            if not unkept_promises(self._observed) and not any((await self._left(gateway)).values()):
                return now - began
            seen = tuple(
                sum(map(len, one.values()))
                for one in (self._observed.runs, self._observed.callbacks, self._observed.dead)
            )
            if seen != last:
                last, changed = seen, now
            elif now - changed > self._plan.timeout:
                return now - began
            await asyncio.sleep(0.5)

    # -- evaluation

    async def _left(self, gateway: GatewayApi) -> dict[str, int]:
        """Return the number of calls left in each queue."""
        return {
            queue["name"]: queue["pending"] + queue["inFlight"] + queue["waitingForRetry"]
            for queue in await gateway.system("GET", "/system/queues")
        }

    async def _evaluate(self, gateway: GatewayApi, loaded: float, drained: float) -> RunReport:
        self._runs.read_into(self._observed.runs)
        self._observed.dead = await gateway.dead_letters()
        grown = []
        if loaded >= _ENOUGH_FOR_A_TREND_SECONDS:
            grown = growths([one for one in self._sampler.samples if one.at <= loaded], loaded)
        report = RunReport(
            check_invariants(self._observed, faults=self._plan.faults),
            grown,
            await self._stack.failed_services(),
            await self._left(gateway),
            "",
        )
        report.text = "\n".join(self._paragraphs(report, loaded, drained))
        return report

    def _paragraphs(self, report: RunReport, loaded: float, drained: float) -> Iterator[str]:
        plan = self._plan
        yield f"seed {plan.seed}, {loaded:.0f} s of load, drained in {drained:.1f} s"
        if plan.faults:
            faults = self._faults
            yield f"\nfaults: {faults.done.total()}, missed because no process was found: {faults.missed}"
            yield table(sorted(faults.done.items()))
        yield "\nresponses to callers"
        yield table(sorted(self._load.outcomes.items()))
        yield "\ncounts"
        yield table(counts(self._observed).items())
        yield "\ninvariants: calls that violate them, of those checked"
        yield table((v.name, f"{len(v.broken):,} of {v.checked:,}") for v in report.results)
        yield table([("calls left in a queue", sum(report.left.values()))])
        yield table([("services that failed for good", len(report.failed_services))])
        for line in report.failed_services:
            yield f"    {line}"
        if report.growths:
            yield "\ngrowth over the second half"
            for growth in report.growths:
                yield f"  {'' if growth.is_bounded else 'UNBOUNDED '}{growth}"
        if self._soak:
            yield "\nsoak: unshared memory (USS, MiB) by number of calls"
            for name in self._sampler.memory():
                marks = ", ".join(
                    f"{mark:,}: {memory.get(name, 0):.1f}" for mark, memory in self._soak.items()
                )
                yield f"  {name}  {marks}"
        yield "\npassed" if report.passed else "\nFAILED"


async def post_mortem(stack: SystemUnderTest, call_ids: list[str]) -> str:
    """Return call status and log lines of calls that violate an invariant."""
    gateway = GatewayApi(stack.gateway_url, stack.user, stack.password)
    lines = []
    for call_id in call_ids:
        try:
            lines.append(f"{call_id}: {await gateway.system('GET', f'/async-function/{call_id}')}")
        except TimeoutError:
            lines.append(f"{call_id}: no call status in time")
        lines += [f"    {line}" for line in _grep(stack.logs, call_id)]
    gateway.close()
    return "\n".join(lines)


def _grep(folder: Path, text: str) -> Iterator[str]:
    for log in sorted(folder.glob("*.log*")):
        with log.open(errors="replace") as file:
            yield from (f"{log.name}: {line.rstrip()[:300]}" for line in file if text in line)
