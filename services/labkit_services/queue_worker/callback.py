"""The callback request: where it goes, what it carries, how it is sent."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import (
    CALL_ID,
    DURATION_SECONDS,
    FUNCTION_NAME,
    FUNCTION_STATUS,
    GATEWAY_ALIAS_PORT,
    GATEWAY_ALIASES,
    QUEUE_WORKER_USER_AGENT,
    RETRY,
    RETRY_MAX,
)
from labkit_services.contract.outcome import Result
from labkit_services.contract.queued import QueuedCall
from labkit_services.http import Headers, HttpClient, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED


class CallbackError(Exception):
    """No answer came to a callback.

    Attributes:
        is_final: Another try would come to the same: the URL can't be used.
    """

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


def callback_headers(call: QueuedCall, result: Result, max_attempts: int) -> list[tuple[str, str]]:
    """Return the callback's headers: the function's own, then what OpenFaaS says of the call.

    Args:
        call: The call.
        result: The function's answer.
        max_attempts: How many attempts the function would have had at most.
    """
    said = {
        CALL_ID: call.call_id,
        DURATION_SECONDS: f"{result.seconds:.6f}",
        FUNCTION_STATUS: str(result.status),
        FUNCTION_NAME: call.function,
        # Equal numbers mean that it will not be tried again (OpenFaaS Pro).
        RETRY: str(result.attempt - 1 - call.attempts),
        RETRY_MAX: str(max_attempts - 1),
        "User-Agent": QUEUE_WORKER_USER_AGENT,
    }
    # The date is the answer's, as in OpenFaaS.
    replaced = NOT_FORWARDED | {name.lower() for name in said}
    copied = [pair for pair in result.headers if pair[0].lower() not in replaced]
    return [*copied, *said.items()]


def resolve_alias(url: str, gateway_url: str) -> str:
    """Return ``url`` with ``http://gateway:8080`` replaced by the lab's own gateway.

    In a cluster that name leads to the gateway; a lab has no name server, so
    the worker knows it.

    Raises:
        ValueError: It is no URL: its port is out of range, or its host no address.
    """
    parts = urlsplit(url)
    if parts.hostname in GATEWAY_ALIASES and (parts.port or 80) == GATEWAY_ALIAS_PORT:
        return urlunsplit(parts._replace(scheme="http", netloc=urlsplit(gateway_url).netloc))
    return url


async def post(
    client: HttpClient,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    gateway_url: str,
    patience: float,
) -> tuple[int, Headers]:
    """Post a result; return the target's status and headers.

    Raises:
        CallbackError: No answer came.
    """
    try:
        async with asyncio.timeout(patience):
            response = await client.request("POST", resolve_alias(url, gateway_url), headers, body)
            response.close()
            return response.status, response.headers
    except TimeoutError as error:
        raise CallbackError(f'Post "{url}": no answer within {patience:g} s') from error
    except (InvalidValueError, ValueError) as error:
        text = error.headline if isinstance(error, InvalidValueError) else str(error)
        raise CallbackError(f'Post "{url}": {text}', is_final=True) from error
    except UpstreamError as error:
        raise CallbackError(f'Post "{url}": {error}') from error
