"""Asking the gateway to run one call."""

from __future__ import annotations

from labkit_services.contract.names import ATTEMPT, CALL_ID, INTERNAL, QUEUE_WORKER_USER_AGENT
from labkit_services.contract.queued import QueuedCall
from labkit_services.http import ConnectError, Headers, HttpClient, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED

_REPLACED = NOT_FORWARDED | {"date", "user-agent", ATTEMPT.lower()}

Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""


def function_url(gateway_url: str, call: QueuedCall) -> str:
    """Return where the call is to be made: path and query as the client gave them."""
    query = f"?{call.query}" if call.query else ""
    return f"{gateway_url}/function/{call.function}{call.path or '/'}{query}"


async def invoke(client: HttpClient, gateway_url: str, call: QueuedCall, attempt: int) -> Answer:
    """Call the function through the gateway, with all the client's headers.

    The gateway bounds the time, by its ``upstream_timeout``.

    Raises:
        ConnectError: The gateway can't be reached; the function has not been asked.
        UpstreamError: The gateway broke off.
    """
    headers = [pair for pair in call.headers if pair[0].lower() not in _REPLACED]
    if not any(name.lower() == CALL_ID.lower() for name, _ in headers):
        headers.append((CALL_ID, call.call_id))
    headers.append((ATTEMPT, str(attempt)))
    headers.append(("User-Agent", QUEUE_WORKER_USER_AGENT))
    response = await client.request(call.method, function_url(gateway_url, call), headers, call.body)
    return response.status, response.headers, await response.read()


def broken_off(error: UpstreamError) -> Answer:
    """Return what stands for an answer that never came: 503, as in OpenFaaS, and the platform's fault."""
    assert not isinstance(error, ConnectError)
    return 503, Headers([(INTERNAL, "queue-worker")]), b""
