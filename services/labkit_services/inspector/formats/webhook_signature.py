"""Whether a webhook was signed with the bin's secret, as GitHub signs them.

``X-Hub-Signature-256: sha256=`` and the HMAC of the body in hex; older senders
set ``X-Hub-Signature`` with SHA-1. See docs.github.com, "Validating webhook
deliveries".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from labkit_services.http import Headers
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord

_SCHEMES = {"sha256": "X-Hub-Signature-256", "sha1": "X-Hub-Signature"}
_HEX = {"sha256": re.compile("[0-9a-fA-F]{64}"), "sha1": re.compile("[0-9a-fA-F]{40}")}


def signature_verdict(request: ReceivedRequest, secret: str) -> dict[str, Any] | None:
    """Return ``{"scheme", "valid", "why"}``; None if the bin has no secret.

    ``valid`` is None if nobody can tell: the body is incomplete.
    """
    if not secret:
        return None
    headers = Headers(request.headers)
    scheme = next((name for name, header in _SCHEMES.items() if header in headers), "")
    if not scheme:
        why = f"it has no signature: the header {_SCHEMES['sha256']} is missing"
        return {"scheme": "sha256", "valid": False, "why": why}
    valid, why = _check(request, headers.get_all(_SCHEMES[scheme]), scheme, secret)
    if valid and scheme == "sha1":
        why += "; SHA-1 is weak, use X-Hub-Signature-256"
    return {"scheme": scheme, "valid": valid, "why": why}


def with_signature(record: RequestRecord, secret: str) -> dict[str, Any]:
    """Return a record's JSON with the verdict on its signature."""
    return record.to_json() | {"signature": signature_verdict(record.request, secret)}


def _check(request: ReceivedRequest, values: list[str], scheme: str, secret: str) -> tuple[bool | None, str]:
    if len(values) > 1:
        return False, f"{_SCHEMES[scheme]} came {len(values)} times"
    prefix, _, signature = values[0].partition("=")
    if prefix != scheme or not _HEX[scheme].fullmatch(signature):
        return False, f"{_SCHEMES[scheme]} is malformed: expected {scheme}= and hexadecimal digits"
    if request.truncated:
        return None, "only the beginning of the body was kept, so its signature can't be computed"
    expected = hmac.new(secret.encode(), request.body, getattr(hashlib, scheme)).hexdigest()
    # In constant time: how long it takes reveals nothing about the secret.
    if hmac.compare_digest(expected, signature.lower()):
        return True, "the body was signed with the bin's secret"
    return False, "the signature is of another body, or was made with another secret"
