"""The messages that the supervisor sends to the process that started it."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from labkit.errors import LabStartError, error_to_json
from labkit_services.contract.errors import LabError


def send_to_launcher(message: Mapping[str, Any]) -> None:
    """Write the one message that the launcher waits for; it may have ended."""
    with suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def send_start_error(error: Exception) -> None:
    """Report a failed start; an unexpected error is also logged in full."""
    if not isinstance(error, LabError):
        logging.exception("unexpected error")
        error = LabStartError(
            "The supervisor has a bug.",
            expected="a lab that is ready, or a known error",
            seen=repr(error),
            log=traceback.format_exc().splitlines()[-3:],
            next_step="report it, with the log .labkit/logs/supervisor.log",
        )
    send_to_launcher({"error": error_to_json(error)})
