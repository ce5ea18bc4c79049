"""Running one call: ask the gateway, then post the result to the callback URL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from services.contract.errors import InvalidValueError
from services.contract.names import (
    CALL_ID,
    DURATION_SECONDS,
    FUNCTION_NAME,
    FUNCTION_STATUS,
    GATEWAY_ALIAS_PORT,
    GATEWAY_ALIASES,
    QUEUE_WORKER_USER_AGENT,
)
from services.contract.queued import QueuedCall
from services.http import Headers, HttpClient, UpstreamError

# Belong to the hop they came over (RFC 9110 §7.6.1), or are set anew by our client.
_NOT_COPIED = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """What the function answered: status, all headers, exact bytes."""

    status: int
    headers: Headers
    body: bytes


def function_url(gateway_url: str, call: QueuedCall) -> str:
    """Return where the call is to be made: path and query as the client gave them."""
    query = f"?{call.query}" if call.query else ""
    return f"{gateway_url}/function/{call.function}{call.path or '/'}{query}"


async def invoke(client: HttpClient, gateway_url: str, call: QueuedCall) -> Result:
    """Call the function through the gateway, with all the client's headers.

    The gateway bounds the time, by its ``upstream_timeout``.

    Raises:
        UpstreamError: The gateway can't be reached or broke off.
    """
    headers = [pair for pair in call.headers if pair[0].lower() not in _NOT_COPIED | {"user-agent"}]
    if not any(name.lower() == CALL_ID.lower() for name, _ in headers):
        headers.append((CALL_ID, call.call_id))
    headers.append(("User-Agent", QUEUE_WORKER_USER_AGENT))
    response = await client.request(call.method, function_url(gateway_url, call), headers, call.body)
    return Result(response.status, response.headers, await response.read())


def callback_headers(call: QueuedCall, result: Result, seconds: float) -> list[tuple[str, str]]:
    """Return the callback's headers: the function's own, then what OpenFaaS says of the call.

    Args:
        call: The call.
        result: The function's answer.
        seconds: From taking the message to posting the result.
    """
    said = {
        CALL_ID: call.call_id,
        DURATION_SECONDS: f"{seconds:.6f}",
        FUNCTION_STATUS: str(result.status),
        FUNCTION_NAME: call.function,
        "User-Agent": QUEUE_WORKER_USER_AGENT,
    }
    replaced = _NOT_COPIED | {name.lower() for name in said}
    copied = [pair for pair in result.headers.pairs if pair[0].lower() not in replaced]
    return [*copied, *said.items()]


def resolve_alias(url: str, gateway_url: str) -> str:
    """Return ``url`` with ``http://gateway:8080`` replaced by the lab's own gateway.

    In a cluster that name leads to the gateway; a lab has no name server, so
    the worker knows it.
    """
    parts = urlsplit(url)
    if parts.hostname in GATEWAY_ALIASES and (parts.port or 80) == GATEWAY_ALIAS_PORT:
        return urlunsplit(parts._replace(scheme="http", netloc=urlsplit(gateway_url).netloc))
    return url


async def post_callback(
    client: HttpClient, url: str, headers: list[tuple[str, str]], body: bytes, *, patience: float
) -> int:
    """Post a result; return the target's status.

    Raises:
        CallbackError: No answer came.
    """
    try:
        async with asyncio.timeout(patience):
            response = await client.request("POST", url, headers, body)
            response.close()
            return response.status
    except TimeoutError as error:
        raise CallbackError(f'Post "{url}": no answer within {patience:g} s') from error
    except InvalidValueError as error:
        raise CallbackError(f'Post "{url}": {error.headline}') from error
    except UpstreamError as error:
        raise CallbackError(f'Post "{url}": {error}') from error


class CallbackError(Exception):
    """A result could not be posted."""


def leads_to(url: str, gateway_url: str) -> bool:
    """Tell whether a resolved callback URL is one of the lab's own gateway."""
    return urlsplit(url).netloc == urlsplit(gateway_url).netloc
