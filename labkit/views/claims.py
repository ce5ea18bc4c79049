"""Claims about what happened, and whether they hold here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labkit.errors import NotAvailableError, VerificationError
from labkit.language import translated
from labkit.views.formatting import text_width

Claim = bool | Callable[[], bool]
"""Whether it holds; or a function that finds out when it is asked."""


class ConfirmedClaims(tuple[tuple[str, str], ...]):
    """Claims that hold, each with ``yes`` or ``not available here``."""

    __slots__ = ()

    def __repr__(self) -> str:
        answers = [translated(answer) for answer, _ in self]
        width = max(map(text_width, answers), default=0)
        blanks = [" " * (width - text_width(answer)) for answer in answers]
        lines = zip(answers, blanks, self, strict=True)
        return "\n".join(f"{answer}{blank} {translated(claim)}" for answer, blank, (_, claim) in lines)


def confirmed(claims: Mapping[str, Claim]) -> ConfirmedClaims:
    """Return the claims with ``yes``, or ``not available here``.

    The latter is the answer to a function that raises NotAvailableError: an
    OpenFaaS elsewhere does not know all that the lab's services know.

    Raises:
        VerificationError: Some do not hold; it lists all of them.
    """
    answers = ConfirmedClaims((_answer(holds), claim) for claim, holds in claims.items())
    if wrong := [claim for answer, claim in answers if answer == "NO"]:
        raise VerificationError(
            f"{len(wrong)} of {len(answers)} claims do not hold here.",
            expected="yes, for each of them",
            seen=repr(answers),
            next_step="run the notebook again from its first cell, all cells in their order",
        )
    return answers


def _answer(holds: Claim) -> str:
    try:
        return "yes" if (holds() if callable(holds) else holds) else "NO"
    except NotAvailableError:
        return "not available here"
