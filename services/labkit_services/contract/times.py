"""RFC 3339 times, as in every JSON document and every log line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE)


def rfc3339(time_ns: int, *, timespec: Literal["seconds", "microseconds"] = "microseconds") -> str:
    """Format Unix nanoseconds in UTC: ``2026-08-22T10:00:00.123456Z``."""
    time = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return time.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> int:
    """Return Unix nanoseconds, to the microsecond, or raise ``ValueError``."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not an RFC 3339 time")
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(microseconds=1) * 1000
