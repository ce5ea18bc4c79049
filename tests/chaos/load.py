"""Callers: asynchronous calls of many kinds, at a steady rate, and what was promised to them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from labkit_services.http import UpstreamError
from tests.chaos.api import Gateway
from tests.chaos.ledger import FAILING_ATTEMPTS, Callback, Manner, Promise
from tests.chaos.witness import NOWHERE, CallbackTarget, Runs, answer_of

_MANNERS = {Manner.QUICK: 60, Manner.ECHO: 10, Manner.SLOW: 10, Manner.FLAKY: 15, Manner.FAILING: 5}
_CALLBACKS = {Callback.NONE: 30, Callback.TARGET: 67, Callback.NOWHERE: 3}
_REPLICAS = 2
"""Fixed: the autoscaler would add some with the load, and that would look like a leak."""
_QUEUES = {Manner.SLOW: "slow", Manner.FLAKY: "unlucky", Manner.FAILING: "unlucky"}
_OWN_IDS = 0.8
"""Of so many calls the caller makes the id, and can ask again with it."""
_LARGE_BODY = 20_000
_ANSWER_SECONDS = 12.0
_PERSISTENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.3


async def deploy(gateway: Gateway, runs: Runs) -> None:
    """Deploy a function of each manner, and wait until it takes calls."""
    for manner in Manner:
        annotations = {"com.openfaas.queue": _QUEUES[manner]} if manner in _QUEUES else {}
        if manner is Manner.FAILING:
            annotations["com.openfaas.retry.attempts"] = str(FAILING_ATTEMPTS)
        document = {
            "service": manner,
            "image": "functions/alpine:latest",
            "envProcess": runs.command(manner),
            "annotations": annotations,
            "labels": {"com.openfaas.scale.min": str(_REPLICAS), "com.openfaas.scale.max": str(_REPLICAS)},
        }
        await gateway.system("POST", "/system/functions", document)
    for manner in Manner:
        await gateway.until_available(manner)


class Load:
    """Makes calls.

    Attributes:
        outcomes: How often callers got what: a status, or no answer.
    """

    def __init__(
        self,
        gateway: Gateway,
        target: CallbackTarget,
        seed: int,
        on_promise: Callable[[Promise], None],
    ) -> None:
        self._gateway = gateway
        self._target = target
        self._on_promise = on_promise
        self._seed = seed
        self._rng = random.Random(f"load {seed}")
        self._callers: set[asyncio.Task[None]] = set()
        self._count = 0
        self.outcomes: Counter[str] = Counter()

    async def run(self, rate: float, enough: Callable[[], bool], room: Callable[[], bool]) -> None:
        """Make calls until it is ``enough``, none while there is no ``room``.

        Args:
            rate: Calls a second on average; the pauses between them are chance's.
            enough: Whether to end.
            room: Whether another call may be made.
        """
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not enough():
            due = max(due, loop.time() - 1.0) + self._rng.expovariate(rate)
            await asyncio.sleep(max(0.0, due - loop.time()))
            if room():
                self._start()
        await asyncio.gather(*self._callers)

    def _start(self) -> None:
        self._count += 1
        rng = self._rng
        manner = rng.choices(list(_MANNERS), list(_MANNERS.values()))[0]
        callback = rng.choices(list(_CALLBACKS), list(_CALLBACKS.values()))[0]
        own_id = f"chaos-{self._seed}-{self._count}" if rng.random() < _OWN_IDS else ""
        body = f"body of {self._count}\n".encode()
        if manner is Manner.ECHO:
            body = body * (_LARGE_BODY // len(body))
        caller = asyncio.create_task(self._call(manner, callback, own_id, body))
        self._callers.add(caller)
        caller.add_done_callback(self._callers.discard)

    async def _call(self, manner: Manner, callback: Callback, own_id: str, body: bytes) -> None:
        """Ask until there is a 202; who has no id of its own must not ask twice, it could run twice."""
        headers = [("X-Call-Id", own_id)] if own_id else []
        if callback is not Callback.NONE:
            url = self._target.url if callback is Callback.TARGET else NOWHERE
            headers.append(("X-Callback-Url", url))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PERSISTENCE_SECONDS
        while loop.time() < deadline:
            try:
                status, call_id = await self._gateway.call(manner, headers, body, _ANSWER_SECONDS)
            except (UpstreamError, TimeoutError):
                self.outcomes["no answer"] += 1
            else:
                self.outcomes[str(status)] += 1
                if status == 202:
                    self._on_promise(Promise(call_id, manner, callback, answer_of(manner, body)))
                    return
            if not own_id:
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        self.outcomes["given up by the caller"] += 1
