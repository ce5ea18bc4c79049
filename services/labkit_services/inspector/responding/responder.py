"""Decides what a captured request is answered with.

In this order: an answer by hand if the bin holds its requests; the switches
in the URL; the bin's ``answer`` if it is not 200 (a fault); the rules; the
server that the bin forwards to; the default, 200.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import Headers
from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.resend.forwarding import Forward, Forwarder
from labkit_services.inspector.responding.bin_rules import BinRules
from labkit_services.inspector.responding.held_requests import HeldRequests, Hold, stopping_plan
from labkit_services.inspector.responding.response_plan import ResponsePlan, default_plan, error_plan
from labkit_services.inspector.responding.rule_input import MAX_BODY, MAX_HEADER_BYTES, to_wire
from labkit_services.inspector.responding.rules import RuleStep
from labkit_services.inspector.responding.templates import render
from labkit_services.inspector.responding.url_switches import UrlSwitches

_NO_FAULT = 200


@dataclass
class BinResponder:
    """Implements ``Responder`` with hold, switches, rules and forward."""

    rules: BinRules
    holds: HeldRequests
    forwarder: Forwarder
    chance: Callable[[], float] = random.random
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def decide(self, settings: BinSettings, record: RequestRecord) -> ResponsePlan:
        """Return the response, at once or after hold and delay."""
        forward = Forward.parse(settings.forward) if settings.forward else None
        if forward is not None and not self.forwarder.applies(record):
            forward = None
        if forward is not None and forward.mode == "copy":
            self.forwarder.copy(forward, record)
            forward = None
        held = 0.0
        if settings.hold and (hold := Hold.parse(settings.hold)).enabled:
            started = time.perf_counter()
            by_hand = await self.holds.wait(record, hold.timeout)
            held = time.perf_counter() - started
            if by_hand is not None:
                return replace(await self._delayed(by_hand), held=held)
        try:
            switches = UrlSwitches.parse(record.request.subpath, record.request.query)
        except InvalidValueError as error:
            return error_plan(
                422, error.headline, expected=error.expected, seen=error.seen, overridden_by="invalid switch"
            )
        plan = await self._automatic(settings, record, switches, forward)
        if switches.delay is not None:
            plan = replace(plan, delay=switches.delay)
        plan = await self._delayed(plan)
        return replace(plan, held=held)

    async def _automatic(
        self, settings: BinSettings, record: RequestRecord, switches: UrlSwitches, forward: Forward | None
    ) -> ResponsePlan:
        if (plan := self._switched(settings, record, switches)) is not None:
            return replace(plan, rule=self.rules.preview(settings.rules, record))
        if settings.answer != _NO_FAULT:
            rule = self.rules.preview(settings.rules, record)
            overridden_by = None if rule == "default" else f"the bin's answer {settings.answer}"
            return replace(default_plan(settings.answer, record.id), rule=rule, overridden_by=overridden_by)
        if (chosen := self.rules.choose(settings.rules, record)) is not None:
            step, rule = chosen
            return replace(self._step_plan(step, record), rule=rule)
        if forward is not None:
            return await self.forwarder.proxy(forward, record)
        return default_plan(settings.answer, record.id)

    def _switched(
        self, settings: BinSettings, record: RequestRecord, switches: UrlSwitches
    ) -> ResponsePlan | None:
        """Return the response that the URL asks for, if it asks for one."""
        status, source = switches.status, switches.source
        if switches.fail:
            if self.chance() < switches.fail:
                # With a status, that one is the failure's.
                failure = status if status is not None and not 200 <= status < 400 else 500
                return replace(default_plan(failure, record.id), overridden_by=f"_fail={switches.fail:g}")
            if status is not None and not 200 <= status < 400:
                status = None
        if switches.echo:
            content_type = Headers(record.request.headers).get("Content-Type", "application/octet-stream")
            headers = (("Content-Type", content_type),)
            return ResponsePlan(
                200 if status is None else status, headers, record.request.body, overridden_by="_echo"
            )
        if status is None:
            return None
        return replace(default_plan(status, record.id), overridden_by=source)

    def _step_plan(self, step: RuleStep, record: RequestRecord) -> ResponsePlan:
        return replace(plan_of_step(step, record), delay=step.delay + step.jitter * self.chance())

    async def _delayed(self, plan: ResponsePlan) -> ResponsePlan:
        return stopping_plan() if await self._stops_within(plan.delay) else plan

    async def _stops_within(self, seconds: float) -> bool:
        """Wait; return at once, and True, if the inspector stops."""
        if seconds <= 0:
            return False
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    def close(self) -> None:
        """End every hold, delay and copy."""
        self._stopping.set()
        self.holds.close()
        self.forwarder.close()


def plan_of_step(step: RuleStep, record: RequestRecord) -> ResponsePlan:
    """Return the response of a rule's step, or of an answer by hand."""
    default = default_plan(step.status, record.id)
    body, headers = step.body, step.headers
    if step.template:
        headers = tuple((name, to_wire(render(value, record, MAX_HEADER_BYTES))) for name, value in headers)
        body = render(body.decode(), record, MAX_BODY).encode()[:MAX_BODY] if body is not None else None
    if body is None:
        given = {name.lower() for name, _ in headers}
        headers = (*(pair for pair in default.headers if pair[0].lower() not in given), *headers)
        body = default.body
    return ResponsePlan(step.status, headers, body)


def plan_by_hand(step: RuleStep, record: RequestRecord) -> ResponsePlan:
    """Return the response that somebody wrote for a held request."""
    plan = plan_of_step(step, record)
    return replace(plan, rule="by hand", overridden_by="answered by hand", delay=step.delay)
