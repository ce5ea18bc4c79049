"""Links that open the inspector's page: valid for a short time, and once.

A link that is shown may be saved, as in a notebook's output. So it has no
token, but a code that only the token's owner can make: the time at which it
expires and its HMAC.
"""

from __future__ import annotations

import hmac
import time

LINK_SECONDS = 600
_SIGNATURE_DIGITS = 32
"""128 bits: enough against guessing, and the link stays on one line."""
CODE = "open"
"""Name of the link's query parameter."""


def inspector_page(url: str, token: str) -> str:
    """Return a link that opens the inspector's page, as of now."""
    return f"{url}/?{CODE}={make_code(token, time.time())}" if token else f"{url}/"


def make_code(token: str, now: float) -> str:
    """Return a code that is valid for ``LINK_SECONDS`` from ``now`` on.

    Args:
        token: The inspector's token.
        now: Unix time; two codes of one microsecond are the same code.
    """
    expires = str(round((now + LINK_SECONDS) * 1e6))
    return f"{expires}-{_sign(token, expires)}"


def is_valid(token: str, code: str, now: float) -> bool:
    """Return whether the token's owner made the code, at most 10 min ago."""
    expires, _, signature = code.partition("-")
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _sign(token, expires).encode()):
        return False
    return now * 1e6 <= int(expires)


def _sign(token: str, expires: str) -> str:
    signature = hmac.new(token.encode(), expires.encode("utf-8", "replace"), "sha256")
    return signature.hexdigest()[:_SIGNATURE_DIGITS]
