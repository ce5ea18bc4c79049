"""What a client asks for when it begins a fault, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import whole_number

SERVICE_KINDS = ("kill", "restart", "stop", "pause")
CALLBACK_KINDS = ("status", "drop")
_SHORT = {"nats": "nats-server", "worker": "queue-worker"}
_SLOW = ("slow", "delay")
_DEFAULT_SECONDS, _MAX_SECONDS = 10.0, 3600.0
_DEFAULT_DELAY, _MAX_DELAY = 0.2, 30.0
_DEFAULT_STATUS = 503
_FIELDS: dict[str, type] = {
    "where": str,
    "what": str,
    "expires": str,
    "delay": str,
    "bandwidth": int,
    "bin": str,
    "status": int,
}
_ELSEWHERE = {
    "function": "deploy it with an environment in which it fails, or call the function chaos",
    "inspector": "it could not answer: use the command labkit fault inspector KIND",
}


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault to begin.

    Attributes:
        where: A service's full name, ``network``, or ``callback``: a bin.
        what: ``kill``, ``restart``, ``stop``, ``pause``, ``slow``; of a bin
            ``status`` or ``drop``.
        seconds: How long it lasts; None for a kill or a restart.
        delay: Of a slow network, in seconds each way.
        bandwidth: Of a slow network, bytes a second; 0 is unlimited.
        bin: The bin that is down.
        status: What it answers; 0 closes the connection.
    """

    where: str
    what: str
    seconds: float | None
    delay: float = 0.0
    bandwidth: int = 0
    bin: str = ""
    status: int = 0

    @classmethod
    def parse(cls, document: Any) -> FaultOrder:
        """Parse a fault, or raise InvalidValueError."""
        fields = _checked(document)
        where, what = fields["where"], fields["what"]
        if where in _ELSEWHERE:
            raise InvalidValueError(
                f"no fault of the {where} begins here", expected=_places(), next_step=_ELSEWHERE[where]
            )
        where, seconds = _SHORT.get(where, where), _seconds(fields)
        if where == "callback":
            return cls._of_bin(what, seconds, fields)
        _refuse_fields(fields, "bin", "status")
        if what in _SLOW and where in ("network", "queue-worker"):
            delay = _duration("delay", fields.get("delay"), _DEFAULT_DELAY, _MAX_DELAY)
            bandwidth = fields.get("bandwidth", 0)
            if not 0 <= bandwidth < 10**9:
                raise InvalidValueError("bandwidth is out of range", expected="bytes a second, or 0")
            return cls("network", "slow", seconds, delay=delay, bandwidth=bandwidth)
        _refuse_fields(fields, "delay", "bandwidth")
        if what not in SERVICE_KINDS:
            raise InvalidValueError(
                f"there is no fault {what[:80]!a} of {where[:80]!a}",
                expected=", ".join(SERVICE_KINDS) + "; slow of the network; status or drop of a callback",
            )
        ends_by_itself = what in ("kill", "restart")
        if ends_by_itself:
            _refuse_fields(fields, "expires")
        return cls(where, what, None if ends_by_itself else seconds)

    @classmethod
    def _of_bin(cls, what: str, seconds: float, fields: dict[str, Any]) -> FaultOrder:
        _refuse_fields(fields, "delay", "bandwidth", *(("status",) if what == "drop" else ()))
        if what not in CALLBACK_KINDS:
            raise InvalidValueError(
                f"there is no fault {what[:80]!a} of a callback",
                expected="status or drop",
                next_step="for delays and sequences: PUT /api/v1/bins/NAME/responses",
            )
        if not fields.get("bin"):
            raise InvalidValueError("bin is missing", expected="the name of the bin that gets the callbacks")
        status = 0 if what == "drop" else fields.get("status", _DEFAULT_STATUS)
        if what == "status" and not 300 <= whole_number("status", status, 599) <= 599:
            raise InvalidValueError("status is no failure", expected="300 to 599", seen=str(status))
        return cls("callback", what, seconds, bin=fields["bin"], status=status)


def _checked(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidValueError("a fault is an object", expected=_places(), seen=ascii(document)[:80])
    for name, value in document.items():
        if name in ("probability", "times", "match"):
            raise InvalidValueError(
                f"a fault has no {name}",
                expected=", ".join(_FIELDS),
                next_step="a bin's rules have times and when, and its URL ?_fail=0.3",
            )
        if name not in _FIELDS or type(value) is not _FIELDS[name]:
            expected = ", ".join(f"{field}: {kind.__name__}" for field, kind in _FIELDS.items())
            raise InvalidValueError(
                "the fault has unknown fields or wrong types",
                expected=expected,
                seen=f"{name[:80]!a}: {ascii(value)[:120]}",
            )
    for name in ("where", "what"):
        if not document.get(name):
            raise InvalidValueError(f"{name} is missing", expected=_places())
    return document


def _refuse_fields(fields: dict[str, Any], *names: str) -> None:
    for name in names:
        if name in fields:
            raise InvalidValueError(f"this fault has no {name}", expected="the fields that it needs")


def _seconds(fields: dict[str, Any]) -> float:
    return _duration("expires", fields.get("expires"), _DEFAULT_SECONDS, _MAX_SECONDS)


def _duration(name: str, text: str | None, default: float, longest: float) -> float:
    seconds = default if text is None else parse_duration(text)
    if not 0 < seconds <= longest:
        raise InvalidValueError(
            f"{name} is out of range", expected=f"up to {longest:g}s", seen=str(text)[:40]
        )
    return seconds


def _places() -> str:
    return (
        '{"where": nats|gateway|worker|queue-worker-N|network|callback, "what": '
        + "|".join((*SERVICE_KINDS, "slow", *CALLBACK_KINDS))
        + ', "expires": "10s"}'
    )
