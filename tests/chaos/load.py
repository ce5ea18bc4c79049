"""Load generator: asynchronous calls of many kinds at a steady rate."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from labkit_services.http import UpstreamError
from tests.chaos.api import GatewayApi
from tests.chaos.invariants import FAILING_ATTEMPTS, Behaviour, CallbackChoice, PromisedCall
from tests.chaos.oracle import MANNERS, NOWHERE, CallbackTarget, RunLog, answer_of

_BEHAVIOURS = {
    Behaviour.QUICK: 60,
    Behaviour.ECHO: 10,
    Behaviour.SLOW: 10,
    Behaviour.FLAKY: 15,
    Behaviour.FAILING: 5,
}
_CALLBACKS = {CallbackChoice.NONE: 30, CallbackChoice.TARGET: 67, CallbackChoice.NOWHERE: 3}
_REPLICAS = 2
"""Fixed: replicas added under load would look like a leak."""
_QUEUES = {Behaviour.SLOW: "slow", Behaviour.FLAKY: "unlucky", Behaviour.FAILING: "unlucky"}
_OWN_IDS = 0.8
"""Share of calls whose caller chooses the id, so that it can retry."""
_LARGE_BODY = 20_000
_ANSWER_SECONDS = 12.0
_REPEAT_SECONDS = 60.0
_PAUSE_SECONDS = 0.3


async def deploy(gateway: GatewayApi, runs: RunLog) -> None:
    """Deploy one function per behaviour, and wait until all accept calls."""
    for behaviour in Behaviour:
        annotations = {"com.openfaas.queue": _QUEUES[behaviour]} if behaviour in _QUEUES else {}
        if behaviour is Behaviour.FAILING:
            annotations["com.openfaas.retry.attempts"] = str(FAILING_ATTEMPTS)
        document = {
            "service": behaviour,
            "image": "functions/alpine:latest",
            "envProcess": runs.command(behaviour),
            "annotations": annotations,
            "labels": {"com.openfaas.scale.min": str(_REPLICAS), "com.openfaas.scale.max": str(_REPLICAS)},
        }
        await gateway.system("POST", "/system/functions", document)
    for behaviour in Behaviour:
        await gateway.until_available(behaviour)


class LoadGenerator:
    """Make calls at random moments.

    Attributes:
        outcomes: Number of requests by status, or without a response.
    """

    def __init__(
        self,
        gateway: GatewayApi,
        target: CallbackTarget,
        seed: int,
        on_promise: Callable[[PromisedCall], None],
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
        """Make calls until ``enough``, pausing while there is no ``room``.

        Args:
            rate: Average calls a second; the pauses between them are random.
            enough: Returns whether to end.
            room: Returns whether another call may be made.
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
        behaviour = rng.choices(list(_BEHAVIOURS), list(_BEHAVIOURS.values()))[0]
        callback = rng.choices(list(_CALLBACKS), list(_CALLBACKS.values()))[0]
        manner = rng.choices(list(MANNERS), list(MANNERS.values()))[0]
        url = NOWHERE if callback is CallbackChoice.NOWHERE else self._target.url(manner)
        own_id = f"chaos-{self._seed}-{self._count}" if rng.random() < _OWN_IDS else ""
        body = f"body of {self._count}\n".encode()
        if behaviour is Behaviour.ECHO:
            body = body * (_LARGE_BODY // len(body))
        caller = asyncio.create_task(self._call(behaviour, callback, url, own_id, body))
        self._callers.add(caller)
        caller.add_done_callback(self._callers.discard)

    async def _call(
        self, behaviour: Behaviour, callback: CallbackChoice, url: str, own_id: str, body: bytes
    ) -> None:
        """Repeat the request until its 202, but only with an id of its own.

        Without one, the call could run twice.
        """
        headers = [("X-Call-Id", own_id)] if own_id else []
        if callback is not CallbackChoice.NONE:
            headers.append(("X-Callback-Url", url))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _REPEAT_SECONDS
        while loop.time() < deadline:
            try:
                status, call_id = await self._gateway.call(behaviour, headers, body, _ANSWER_SECONDS)
            except (UpstreamError, TimeoutError):
                self.outcomes["no response"] += 1
            else:
                self.outcomes[str(status)] += 1
                if status == 202:
                    self._on_promise(PromisedCall(call_id, behaviour, callback, answer_of(behaviour, body)))
                    return
            if not own_id:
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        self.outcomes["abandoned by the caller"] += 1
