"""Forwards captured requests to another server.

``proxy`` answers with the server's response; ``copy`` only sends the request,
and the bin's rules answer. ``X-Do-Not-Forward`` marks what was forwarded, and
is never forwarded again: two bins can't send a request round in circles.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.wire_text import readable
from labkit_services.http import Headers
from labkit_services.http.headers import Pair, end_to_end
from labkit_services.inspector.errors import RequestRefusedError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.switch_names import without_switches
from labkit_services.inspector.resend.sender import NoAnswerError, Sender, TargetResponse
from labkit_services.inspector.resend.targets import AllowedTargets, TargetRefusedError
from labkit_services.inspector.responding.response_plan import ResponsePlan, error_plan
from labkit_services.inspector.responding.rule_input import OWN_COOKIES
from labkit_services.inspector.storage.changes import StoreChange

FORWARDED = "X-Do-Not-Forward"
_MODES = ("proxy", "copy")
_SECONDS = 30.0
_MAX_COPIES = 32
"""Copies on their way at the same time; more are counted as failed."""
_NOT_PASSED_ON = frozenset({"clear-site-data", "x-bin-id", "x-bin-created", "x-request-id"})


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward of a bin.

    Attributes:
        mode: ``proxy`` or ``copy``.
        expand_path: Append the path below the bin to the URL's.
    """

    url: str
    mode: str = "proxy"
    expand_path: bool = False

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Forward:
        """Parse ``{"url": "http://…", "mode": "copy"}``."""
        if unknown := document.keys() - {"url", "mode", "expand_path"}:
            expected = "url, mode, expand_path"
            raise InvalidValueError(f"forward has an unknown field: {min(unknown)[:80]!a}", expected=expected)
        url, mode = document.get("url"), document.get("mode", "proxy")
        expand_path = document.get("expand_path", False)
        if not url or not isinstance(url, str):
            expected = "such as http://gateway:8080/function/figlet"
            raise InvalidValueError("forward.url is missing", expected=expected)
        if mode not in _MODES:
            expected = " or ".join(_MODES)
            raise InvalidValueError("invalid forward.mode", expected=expected, seen=ascii(mode)[:80])
        if not isinstance(expand_path, bool):
            raise InvalidValueError("forward.expand_path is neither true nor false")
        return cls(url, mode, expand_path)

    def to_json(self) -> dict[str, Any]:
        """Return what is stored in the bin's settings."""
        return {"url": self.url, "mode": self.mode, "expand_path": self.expand_path}

    def url_for(self, record: RequestRecord) -> str:
        """Return where a request goes, with its query.

        A path that would leave the URL's own raises TargetRefusedError.
        """
        parts = urlsplit(self.url)
        path = parts.path
        subpath = readable(record.request.subpath)
        if self.expand_path and subpath != "/":
            if ".." in unquote(unquote(subpath)).replace("\\", "/").split("/"):
                raise TargetRefusedError("the path below the bin contains ..", seen=ascii(subpath[:200]))
            path = path.rstrip("/") + subpath
        query = "&".join(filter(None, (parts.query, readable(without_switches(record.request.query)))))
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


@dataclass(slots=True)
class ForwardCounts:
    """What became of a bin's forwards since the inspector started."""

    sent: int = 0
    failed: int = 0
    last_error: str = ""


@dataclass
class Forwarder:
    """Forwards captured requests.

    Attributes:
        counts: By the names of bins.
    """

    targets: AllowedTargets
    sender: Sender
    counts: dict[str, ForwardCounts] = field(default_factory=dict)
    _copies: set[asyncio.Task[None]] = field(default_factory=set)

    def applies(self, record: RequestRecord) -> bool:
        """Tell whether a request may be forwarded: it was not before."""
        return FORWARDED not in Headers(record.request.headers)

    async def proxy(self, forward: Forward, record: RequestRecord) -> ResponsePlan:
        """Return the server's response; without one, a 502 that says why."""
        counts = self.counts.setdefault(record.bin, ForwardCounts())
        rule = f"forward to {forward.url[:500]}"
        try:
            response = await self._send(forward, record)
        except LabError as error:
            counts.failed += 1
            counts.last_error = str(error)
            plan = error_plan(
                502,
                error.headline,
                expected=error.expected,
                seen=error.seen,
                next_step=error.next_step,
                overridden_by="no answer from the target",
            )
        else:
            counts.sent += 1
            plan = ResponsePlan(response.status, _passed_on(response.headers), response.body)
        return ResponsePlan(plan.status, plan.headers, plan.body, rule=rule, overridden_by=plan.overridden_by)

    def copy(self, forward: Forward, record: RequestRecord) -> None:
        """Send a copy in the background; nobody waits for the response."""
        counts = self.counts.setdefault(record.bin, ForwardCounts())
        if len(self._copies) >= _MAX_COPIES:
            counts.failed += 1
            counts.last_error = f"{_MAX_COPIES} copies are on their way already"
            return
        task = asyncio.create_task(self._copy(forward, record, counts), name="forward copy")
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _copy(self, forward: Forward, record: RequestRecord, counts: ForwardCounts) -> None:
        try:
            await self._send(forward, record)
            counts.sent += 1
        except LabError as error:
            counts.failed += 1
            counts.last_error = str(error)

    async def _send(self, forward: Forward, record: RequestRecord) -> TargetResponse:
        request = record.request
        if request.truncated:
            raise RequestRefusedError(
                "the request's body is too long to be forwarded",
                expected=f"at most the {len(request.body)} bytes that are kept",
                seen=f"{request.size} bytes",
            )
        target = await self.targets.resolve(forward.url_for(record))
        headers = [*without_own_cookies(end_to_end(request.headers)), (FORWARDED, "1")]
        response = await self.sender.send(target, request.method, headers, request.body, _SECONDS)
        if not response.complete:
            raise NoAnswerError(
                "the target's response is too long", expected=f"at most {self.sender.limit} bytes"
            )
        return response

    def on_deleted(self, change: StoreChange) -> None:
        """Forget a deleted bin; a listener of the store."""
        self.counts.pop(change.bin.name, None)

    def close(self) -> None:
        """Give up the copies that are on their way."""
        for task in self._copies:
            task.cancel()


def without_own_cookies(headers: list[Pair]) -> list[Pair]:
    """Return headers without the lab's cookies, which hold its tokens."""
    kept = []
    for name, value in headers:
        if name.lower() == "cookie":
            cookies = [one for one in value.split(";") if not one.strip().startswith(OWN_COOKIES)]
            if not cookies:
                continue
            value = ";".join(cookies).strip()
        kept.append((name, value))
    return kept


def _passed_on(headers: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return a response's headers without what would act on this origin.

    Nor those of another bin that may have answered: this one adds its own.
    """
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() not in _NOT_PASSED_ON
        and not (name.lower() == "set-cookie" and value.strip().startswith(OWN_COOKIES))
    )
