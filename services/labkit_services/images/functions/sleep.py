"""sleep: waits, then says how long.

The time is that of the header ``X-Sleep``; or a random one between
``X-Min-Sleep`` and ``X-Max-Sleep``; or else ``$sleep_duration``.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from functools import partial

from labkit_services.images.functions import go_durations
from labkit_services.images.functions.server import FunctionReply, IncomingRequest, log, serve

_MILLISECOND = 1_000_000


def handle(request: IncomingRequest, default: int = 0) -> FunctionReply:
    """Sleep and respond; 400 for a header that is not a duration."""
    try:
        duration = _chosen(request, default)
    except ValueError as error:
        log(str(error))
        return FunctionReply(400, str(error))
    shown = f"{duration / 1e9:f}s"
    log(f"Start sleep for: {shown}")
    time.sleep(go_durations.seconds(duration))
    log(f"Sleep done for: {shown}")
    return FunctionReply(200, f"Slept for: {shown}")


def _chosen(request: IncomingRequest, default: int) -> int:
    if request.headers.get("X-Min-Sleep") and request.headers.get("X-Max-Sleep"):
        least, most = (_header(request, name) // _MILLISECOND for name in ("X-Min-Sleep", "X-Max-Sleep"))
        if most <= least:  # OpenFaaS's function panics
            raise RuntimeError(f"X-Max-Sleep is not above X-Min-Sleep: {most} ms, {least} ms")
        return (least + secrets.randbelow(most - least)) * _MILLISECOND
    return _header(request, "X-Sleep") if request.headers.get("X-Sleep") else default


def _header(request: IncomingRequest, name: str) -> int:
    try:
        return go_durations.parse(str(request.headers[name]))
    except ValueError as error:
        raise ValueError(f"Error parsing {name} header: {error}") from error


def main() -> None:
    """Serve, unless ``$sleep_duration`` is not a duration."""
    try:
        default = go_durations.parse(os.environ.get("sleep_duration") or "2s")  # noqa: SIM112 - its name
    except ValueError as error:
        log(f"Error parsing sleep_duration environment variable: {error}")
        sys.exit(1)
    serve(partial(handle, default=default))


if __name__ == "__main__":
    main()
