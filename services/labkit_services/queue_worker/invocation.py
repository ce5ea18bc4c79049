"""Invoke a function through the gateway."""

from __future__ import annotations

from labkit_services.contract.names import ATTEMPT, CALL_ID, INTERNAL, QUEUE_WORKER_USER_AGENT
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import ConnectError, Headers, HttpClient, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED

_REPLACED = NOT_FORWARDED | {"date", "user-agent", ATTEMPT.lower()}

UpstreamResponse = tuple[int, Headers, bytes]
"""Status, headers, body."""


def function_url(gateway_url: str, call: QueuedCall) -> str:
    """Return the function's URL, with the client's path and query unchanged."""
    query = f"?{call.query}" if call.query else ""
    return f"{gateway_url}/function/{call.function}{call.path or '/'}{query}"


async def invoke(client: HttpClient, gateway_url: str, call: QueuedCall, attempt: int) -> UpstreamResponse:
    """Invoke the function with the client's headers.

    The timeout is the gateway's ``upstream_timeout``.

    Raises:
        ConnectError: The gateway can't be reached; the function was not invoked.
        UpstreamError: The gateway broke off.
    """
    headers = [pair for pair in call.headers if pair[0].lower() not in _REPLACED]
    if not any(name.lower() == CALL_ID.lower() for name, _ in headers):
        headers.append((CALL_ID, call.call_id))
    headers.append((ATTEMPT, str(attempt)))
    headers.append(("User-Agent", QUEUE_WORKER_USER_AGENT))
    response = await client.request(call.method, function_url(gateway_url, call), headers, call.body)
    return response.status, response.headers, await response.read()


def broken_off(error: UpstreamError) -> UpstreamResponse:
    """Return a response in place of the missing one: 503, by the platform, as in OpenFaaS."""
    assert not isinstance(error, ConnectError)
    return 503, Headers([(INTERNAL, "queue-worker")]), b""
