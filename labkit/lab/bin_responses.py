"""What a bin answers: a sequence of responses, or one by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.clients.inspector import InspectorClient
from labkit.clients.lab_watch import LabWatch, guarded
from labkit.lab.background_loop import LoopBound, blocking
from labkit.lab.durations import to_go, to_seconds


class AsyncBinResponses(LoopBound):
    """A ``BinResponses`` whose methods are coroutines."""

    def __init__(self, inspector: InspectorClient, watch: LabWatch, name: str, rule: dict[str, Any]) -> None:
        self.watch = watch
        self._inspector = inspector
        self._name = name
        self._rule = rule

    def __repr__(self) -> str:
        steps = [self._rule, *self._rule["then"]]
        shown = [f"{step['status']}" + (f" x {step['times']}" if "times" in step else "") for step in steps]
        return f"BinResponses({self._name!r}: {', then '.join(shown)})"

    async def apply(self) -> AsyncBinResponses:
        """Make the bin answer so from now on; counting begins at the first."""
        await self._inspector.change(self._name, "/responses", "PUT", [self._rule])
        return self

    @guarded
    async def then(
        self,
        status: int,
        body: str = "",
        *,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
        delay: str | float = 0.0,
        jitter: str | float = 0.0,
    ) -> AsyncBinResponses:
        """Answer so after the responses before; the last one stays."""
        step = response_step(status, body, times=times, headers=headers, delay=delay, jitter=jitter)
        rule = self._rule | {"then": [*self._rule["then"], step]}
        return await AsyncBinResponses(self._inspector, self.watch, self._name, rule).apply()


def response_step(
    status: int,
    body: str,
    *,
    times: int | None,
    headers: Mapping[str, str] | None,
    delay: str | float,
    jitter: str | float,
) -> dict[str, Any]:
    """Return one response in the form of the inspector's API."""
    step: dict[str, Any] = {"status": status, "delay": to_go(delay), "jitter": to_go(jitter)}
    if body:
        step |= {"body": body, "template": "{{" in body}
    if headers:
        step["headers"] = dict(headers)
    if times is not None:
        step["times"] = times
    return step


class BinResponses:
    """The responses of a bin; ``then`` adds another one."""

    def __init__(self, async_responses: AsyncBinResponses) -> None:
        self._async = async_responses

    def __repr__(self) -> str:
        return repr(self._async)

    then = blocking(AsyncBinResponses.then, lambda responses: BinResponses(responses))


class AsyncBinHold(LoopBound):
    """A ``BinHold`` whose methods are coroutines."""

    def __init__(
        self, inspector: InspectorClient, watch: LabWatch, name: str, release_after: str | float
    ) -> None:
        self.watch = watch
        self._inspector = inspector
        self._name = name
        self._seconds = to_seconds(release_after)

    def __repr__(self) -> str:
        return f"BinHold({self._name!r}, release_after={self._seconds:g} s)"

    async def apply(self) -> AsyncBinHold:
        """Hold from now on."""
        document = {"enabled": True, "timeout": to_go(self._seconds)}
        await self._inspector.change(self._name, "/hold", "PUT", document)
        return self

    @guarded
    async def release(self) -> None:
        """Hold no more; what is held is answered as if it had just come."""
        await self._inspector.change(self._name, "/hold", "DELETE")


class BinHold:
    """Requests to a bin are held: answered by hand, or after its timeout.

    As a ``with`` block it ends with the block; else by ``release``.
    """

    def __init__(self, async_hold: AsyncBinHold) -> None:
        self._async = async_hold

    def __repr__(self) -> str:
        return repr(self._async)

    def __enter__(self) -> BinHold:
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    release = blocking(AsyncBinHold.release)
