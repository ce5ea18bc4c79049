"""Scaling by load, and to zero when idle.

One loop does the work of OpenFaaS's Prometheus, AlertManager and idler.
"""

from __future__ import annotations

import asyncio

from labkit_services.gateway.functions.function import DeployedFunction
from labkit_services.gateway.functions.provider import FunctionProvider
from labkit_services.gateway.functions.scaling import Load, ScaleLimits, idle_seconds
from labkit_services.gateway.metrics import Metrics
from labkit_services.runtime.log import Log

_TICK_SECONDS = 1.0


class Autoscaler:
    """Checks every function once a second."""

    def __init__(self, provider: FunctionProvider, metrics: Metrics, log: Log) -> None:
        self._provider = provider
        self._metrics = metrics
        self._log = log
        self._loads: dict[str, Load] = {}

    async def run(self) -> None:
        """Scale functions until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            functions = self._provider.all()
            keys = {function.spec.key for function in functions}
            self._loads = {key: load for key, load in self._loads.items() if key in keys}
            for function in functions:
                try:
                    await self._check(function, loop.time())
                except Exception as error:
                    if self._provider.find(function.name) is function:  # not removed meanwhile
                        self._log.error("autoscaling failed", function=function.name, error=repr(error))

    async def _check(self, function: DeployedFunction, now: float) -> None:
        key, labels = function.spec.key, function.spec.labels
        limits = ScaleLimits.of(labels)
        good_calls = self._metrics.finished(key, 200)
        if not limits.is_fixed:
            alert = self._loads.setdefault(key, Load()).observe(now, good_calls)
            if alert == "firing" and function.wanted > 0:
                await self._provider.scale(key, max(function.wanted, limits.up(function.wanted)))
            elif alert == "resolved" and function.wanted > limits.down():
                await self._provider.scale(key, limits.down())
        idle = idle_seconds(labels)
        if idle is not None and function.wanted > 0 and function.idle_seconds(now) >= idle:
            self._log.info("idle, scaled to zero", function=function.name, seconds=f"{idle:g}")
            await self._provider.scale(key, 0)
