"""Errors of nats-server as responses of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError

from labkit_services.contract.errors import error_text
from labkit_services.contract.write_probe import reason_of
from labkit_services.http import HttpError


@contextmanager
def nats_errors_as(status: int, what: str) -> Iterator[None]:
    """Turn an error of nats-server into HttpError; ``what`` says what failed.

    ``status`` is 500 if a change was not made, 503 if something could not be
    read.
    """
    try:
        yield
    except (NatsError, OSError, TimeoutError) as error:
        seen = error_text(error)
        text = f"{what}. {reason}\n  seen: {seen}\n" if (reason := reason_of(seen)) else ""
        text = text or f"{what}, nats-server does not answer: {seen}; try again\n"
        raise HttpError(status, text) from error
