"""Checks of a bin: that what should have come has come, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.clients.connections import Connections
from labkit.clients.lab_watch import guarded
from labkit.errors import InvalidValueError, VerificationError
from labkit.lab.background_loop import LoopBound
from labkit.lab.durations import to_seconds
from labkit.views.verdict import BinVerdict

_MAX_VERIFY_SECONDS = 60.0


class AsyncBinChecks(LoopBound):
    """The checks of an ``AsyncBin``."""

    def __init__(self, name: str, connections: Connections) -> None:
        self.name = name
        self.watch = connections.watch
        self._inspector = connections.inspector

    async def verify(
        self,
        count: int | None = None,
        *,
        at_least: int = 1,
        at_most: int | None = None,
        function: str = "",
        function_status: int | None = None,
        call_id: str = "",
        match: Mapping[str, Any] | None = None,
        expect: Sequence[Mapping[str, Any]] = (),
        ordered: bool = False,
        no_extra: bool = False,
        within: str | float = 0.0,
    ) -> BinVerdict:
        """Check that requests came as expected; wait for them.

        Args:
            count: How many must match, exactly.
            at_least: Without ``count``, the fewest that must.
            at_most: The most that may; None is without a limit.
            function: Name of the function whose result it is.
            function_status: The function's status.
            call_id: The call's id.
            match: More conditions: ``{"body": "text", "method": "POST"}``.
            expect: Several expectations in place of the above, each such as
                ``{"match": {"body": "a"}, "times": 2}``.
            ordered: Those of an expectation come after those of the one
                before.
            no_extra: Nothing else came.
            within: Wait so long for what is missing, and that what must not
                come does not; seconds, or such as "15s"; a minute at most.

        Raises:
            VerificationError: Something is different; says what.
        """
        given = {"function": function, "function_status": function_status, "call_id": call_id}
        conditions = {name: value for name, value in given.items() if value not in ("", None)}
        times = {"min": at_least, "max": at_most} if count is None else {"min": count, "max": count}
        single = {"match": {**conditions, **(match or {})}, "times": times}
        document = {
            "expect": list(map(dict, expect)) or [single],
            "ordered": ordered,
            "no_extra": no_extra,
        }
        return await self._verify(document, to_seconds(within))

    async def never(
        self,
        *,
        function: str = "",
        call_id: str = "",
        match: Mapping[str, Any] | None = None,
        within: str | float = 3.0,
    ) -> BinVerdict:
        """Check that no such request has come, nor comes within a time.

        Raises:
            VerificationError: One came.
        """
        given = {"function": function, "call_id": call_id}
        conditions = {name: value for name, value in given.items() if value}
        expect = {"match": {**conditions, **(match or {})}, "never": True}
        return await self._verify({"expect": [expect]}, to_seconds(within))

    @guarded
    async def _verify(self, document: Mapping[str, Any], within: float) -> BinVerdict:
        if within > _MAX_VERIFY_SECONDS:
            expected = f"at most {_MAX_VERIFY_SECONDS:g} s"
            raise InvalidValueError("within is too long", expected=expected, seen=f"{within:g} s")
        verdict = BinVerdict.from_json(await self._inspector.verify(self.name, document, within))
        if verdict.verified:
            return verdict
        raise VerificationError(
            f"the requests in the bin {self.name} are not as expected",
            seen=verdict.message,
            log=verdict.near_misses(),
            next_step=f"look at them: lab.bin({self.name!r}), or the inspector's page",
        )
