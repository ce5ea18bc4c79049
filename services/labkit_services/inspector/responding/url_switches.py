"""Switches in a capture URL that change the response to this request only.

``/BIN/503``, with exactly two segments, and ``?_status=503&_delay=2s&
_fail=0.3&_echo=1``. The names come from Svix Play and go-httpbin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.wire_text import readable
from labkit_services.inspector.records.switch_names import SWITCHES
from labkit_services.inspector.responding.delays import parse_delay
from labkit_services.inspector.responding.statuses import check_status

_STATUS_PATH = re.compile(r"/([1-5][0-9][0-9])")
_PROBABILITY = re.compile(r"([0-9]{1,3}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(%?)")
_YES, _NO = ("", "1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True, slots=True)
class UrlSwitches:
    """The parsed switches; the defaults switch nothing.

    Attributes:
        status: To answer with; with ``fail``, the status of a failure.
        source: Where the status stands in the URL: ``/503`` or
            ``_status=503``.
        fail: The probability of a failure, from 0 to 1.
        echo: Answer with the request's own body.
    """

    status: int | None = None
    source: str = ""
    delay: float | None = None
    fail: float = 0.0
    echo: bool = False

    @classmethod
    def parse(cls, subpath: str, query: str) -> UrlSwitches:
        """Parse a path below a bin and a raw query string.

        A switch with an invalid value raises InvalidValueError. A path that
        only contains a number, such as ``/orders/404``, is no switch.
        """
        given = dict(_switches(query))
        status, source = None, ""
        if text := given.get("_status"):
            status, source = check_status("_status", text), f"_status={text}"
        elif match := _STATUS_PATH.fullmatch(subpath):
            status, source = check_status(f"the path {subpath}", match[1]), subpath
        return cls(
            status=status,
            source=source,
            delay=parse_delay("_delay", given["_delay"]) if "_delay" in given else None,
            fail=_probability(given["_fail"]) if "_fail" in given else 0.0,
            echo=_yes_or_no(given.get("_echo", "0")),
        )


def _switches(query: str) -> list[tuple[str, str]]:
    if "_" not in query and "%5" not in query:
        return []
    pairs = parse_qsl(query, keep_blank_values=True)
    return [(name, readable(value)) for name, value in pairs if name in SWITCHES]


def _probability(text: str) -> float:
    if match := _PROBABILITY.fullmatch(text):
        share = float(match[1]) / (100 if match[2] else 1)
        if share <= 1:
            return share
    raise InvalidValueError(
        "_fail is not a probability", expected="0 to 1, or 0% to 100%", seen=ascii(text[:40])
    )


def _yes_or_no(text: str) -> bool:
    if text.lower() in _YES + _NO:
        return text.lower() in _YES
    raise InvalidValueError("_echo is neither on nor off", expected="1 or 0", seen=ascii(text[:40]))
