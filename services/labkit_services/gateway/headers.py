"""Header rules of the gateway.

As in OpenFaaS's gateway/handlers/forwarding_proxy.go and callid_middleware.go.
"""

from __future__ import annotations

import os

from labkit_services.contract.headers import CALL_ID, SERVED_BY, START_TIME
from labkit_services.contract.names import GATEWAY_USER_AGENT, VERSION
from labkit_services.http import Headers, Request
from labkit_services.http.headers import HOP_BY_HOP, Pair, end_to_end

SERVED_BY_VALUE = f"openfaas-ce/{VERSION}"


def call_id_of(request: Request) -> str:
    """Return the client's ``X-Call-Id``, else a new UUID."""
    return request.headers.get(CALL_ID) or _uuid4()


def _uuid4() -> str:
    """Return a random UUID (RFC 9562 §5.4), faster than by ``uuid.uuid4``."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def forwarded_pairs(request: Request, call_id: str, start_ns: int) -> list[Pair]:
    """Return the headers for the function.

    ``X-Start-Time`` is added even if the request has one (a worker's call has
    two); an ``X-Forwarded-`` header is set only if the request has none.
    """
    headers = request.headers
    pairs = end_to_end(headers.pairs)
    if CALL_ID not in headers:
        pairs.append((CALL_ID, call_id))
    pairs.append((START_TIME, str(start_ns)))
    if "X-Forwarded-Host" not in headers:
        pairs.append(("X-Forwarded-Host", request.host))
    if "X-Forwarded-For" not in headers:
        pairs.append(("X-Forwarded-For", f"{request.peer[0]}:{request.peer[1]}"))
    if "User-Agent" not in headers:
        pairs.append(("User-Agent", GATEWAY_USER_AGENT))
    return pairs


def standard_headers(call_id: str, start_ns: int) -> list[Pair]:
    """Return the headers of every response of the invoke routes."""
    return [(CALL_ID, call_id), (START_TIME, str(start_ns)), (SERVED_BY, SERVED_BY_VALUE)]


def response_headers(upstream: Headers, request: Request, call_id: str, start_ns: int) -> Headers:
    """Return the standard headers, replaced and extended by the function's."""
    own = {name.lower() for name, _ in upstream.pairs}
    pairs = [pair for pair in standard_headers(call_id, start_ns) if pair[0].lower() not in own]
    pairs += [pair for pair in upstream.pairs if pair[0].lower() not in HOP_BY_HOP and pair[0] != "Date"]
    if "content-type" not in own:
        pairs.append(("Content-Type", request.headers.get("Content-Type") or "text/plain"))
    return Headers(pairs)
