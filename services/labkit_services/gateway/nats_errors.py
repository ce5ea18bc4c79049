"""Errors of nats-server as responses of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError

from labkit_services.contract.errors import error_text
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
        text = f"{what}, nats-server does not answer: {error_text(error)}; try again\n"
        raise HttpError(status, text) from error
