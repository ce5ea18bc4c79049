"""The callback request: its URL, its headers, how it is sent."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit

from labkit_services.contract import names
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.outcome import Result
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import Headers, HttpClient, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED
from labkit_services.queue_worker.config import WorkerConfig


class CallbackError(Exception):
    """A callback request had no response."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final
        """A retry would fail in the same way: the URL is unusable."""


def callback_headers(call: QueuedCall, result: Result, max_attempts: int) -> list[tuple[str, str]]:
    """Return the function's own headers, then OpenFaaS's about the call."""
    about_call = {
        names.CALL_ID: call.call_id,
        names.DURATION_SECONDS: f"{result.seconds:.6f}",
        names.FUNCTION_STATUS: str(result.status),
        names.FUNCTION_NAME: call.function,
        # Equal numbers mean that no retry will follow (OpenFaaS Pro).
        names.RETRY: str(result.attempt - 1 - call.attempts),
        names.RETRY_MAX: str(max_attempts - 1),
        "User-Agent": names.QUEUE_WORKER_USER_AGENT,
    }
    # The date is the response's, as in OpenFaaS.
    replaced = NOT_FORWARDED | {name.lower() for name in about_call}
    copied = [pair for pair in result.headers if pair[0].lower() not in replaced]
    return [*copied, *about_call.items()]


def resolve_alias(url: str, gateway_url: str) -> str:
    """Replace ``http://gateway:8080`` in ``url`` by the lab's own gateway.

    In a cluster the name server resolves that name; a lab has none.

    Raises:
        ValueError: ``url`` is not a URL: its port is out of range, or its host no address.
    """
    parts = urlsplit(url)
    if parts.hostname in names.GATEWAY_ALIASES and (parts.port or 80) == names.GATEWAY_ALIAS_PORT:
        return urlunsplit(parts._replace(scheme="http", netloc=urlsplit(gateway_url).netloc))
    return url


async def post_callback(
    client: HttpClient, config: WorkerConfig, call: QueuedCall, result: Result, max_attempts: int
) -> tuple[int, Headers]:
    """Post a result; return status and headers, or raise ``CallbackError``."""
    url, timeout = call.callback, config.callback_timeout
    headers = callback_headers(call, result, max_attempts)
    try:
        async with asyncio.timeout(timeout):
            target = resolve_alias(url, config.gateway_url)
            response = await client.request("POST", target, headers, result.body)
            response.close()
            return response.status, response.headers
    except TimeoutError as error:
        raise CallbackError(f'Post "{url}": no answer within {timeout:g} s') from error
    except (InvalidValueError, ValueError) as error:
        text = error.headline if isinstance(error, InvalidValueError) else str(error)
        raise CallbackError(f'Post "{url}": {text}', is_final=True) from error
    except UpstreamError as error:
        raise CallbackError(f'Post "{url}": {error}') from error
