"""chaos: gives the response that was set last.

``POST /set`` takes JSON with ``status``, ``body`` and ``delay``, a Go
duration; what is absent stays as it was. ``GET /get`` shows it.
"""

from __future__ import annotations

import json
import time
from typing import Any

from labkit_services.images.functions import go_durations
from labkit_services.images.functions.server import FunctionReply, IncomingRequest, log, serve

_canned: dict[str, Any] = {"status": 200, "body": "", "delay": 0}
_TYPES = {"status": int, "body": str}


def handle(request: IncomingRequest) -> FunctionReply:
    """Store the response to give, show it, or give it."""
    log(f"{request.path} {request.method}")
    if (request.path, request.method) == ("/get", "GET"):
        shown = _canned | {"delay": go_durations.text(_canned["delay"])}
        return FunctionReply(200, json.dumps(shown, separators=(",", ":"), ensure_ascii=False))
    if (request.path, request.method) == ("/set", "POST"):
        try:
            _canned.update(_changes(json.loads(request.body)))
        except ValueError as error:
            log(f"/set failed {error}")
            return FunctionReply(500)
        return FunctionReply(202)
    canned = dict(_canned)
    time.sleep(go_durations.seconds(canned["delay"]))
    if not 100 <= canned["status"] <= 999:  # Go's server panics
        raise RuntimeError(f"invalid WriteHeader code {canned['status']}")
    return FunctionReply(canned["status"], canned["body"])


def _changes(content: Any) -> dict[str, Any]:
    """Return the fields that are present and not null, in whatever case."""
    if content is not None and not isinstance(content, dict):
        raise ValueError(
            f"json: cannot unmarshal {type(content).__name__} into Go value of type CannedResponse"
        )
    changes: dict[str, Any] = {}
    for name, value in (content or {}).items():
        field = name.lower()
        if value is None or field not in _canned:
            continue
        if field == "delay":
            changes[field] = _delay(value)
        elif isinstance(value, _TYPES[field]) and not isinstance(value, bool):
            changes[field] = value
        else:
            raise ValueError(f"json: cannot unmarshal {value!r} into the field {field}")
    return changes


def _delay(value: Any) -> int:
    """Return a Go duration, or a number of nanoseconds."""
    if isinstance(value, str):
        return go_durations.parse(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    raise ValueError("invalid duration")


if __name__ == "__main__":
    serve(handle)
