"""What only the lab's own services know or do: not available elsewhere."""

from __future__ import annotations

from labkit.errors import NotAvailableError

_NO_SUCH_API = "an OpenFaaS, whose API does not have it"
_OWN_LAB = "use a lab on this machine: unset LABKIT_GATEWAY, or Lab.start(gateway='')"


def not_here(
    what: str,
    needs: str,
    seen: str = _NO_SUCH_API,
    *,
    next_step: str = _OWN_LAB,
) -> NotAvailableError:
    """Return the error for something that OpenFaaS's API does not have.

    Args:
        what: What was asked for, such as ``The queue``.
        needs: What it needs.
        seen: What is there instead.
        next_step: What to do.
    """
    return NotAvailableError(f"{what}: not available here", expected=needs, seen=seen, next_step=next_step)


def queue_not_here(seen: str = _NO_SUCH_API) -> NotAvailableError:
    """Return the error for what is asked of the queue."""
    return not_here("The queue", "the lab's own gateway, which reads its queue", seen)
