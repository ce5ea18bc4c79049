"""What a notebook asks: exercises, questions, lines to order, predictions.

Ids are such as ``01.3``, ``01.q1``, ``01.o1``, ``01.sync``: the notebook's
number, then a name. The texts are in the catalogue, under the id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labkit.teaching.work import UNTOUCHED, CheckFinding, Work
from labkit_services.call_record.call import Mode


@dataclass(frozen=True)
class Exercise:
    """Something to do, and how it is judged.

    Attributes:
        id: Such as ``01.3``.
        check: Judges the work. ``work.value`` and ``work.need`` may end it.
        cells: Ids of the cells that must have run before.
        untouched: Key of the finding on a notebook in which nothing was done.
    """

    id: str
    check: Callable[[Work], CheckFinding]
    cells: tuple[str, ...] = ()
    untouched: str = UNTOUCHED


@dataclass(frozen=True)
class Question:
    """A multiple choice: ``options`` are letters, one of them is ``right``."""

    id: str
    right: str
    options: str = "abcd"


@dataclass(frozen=True)
class Arrangement:
    """Lines to be put in order.

    Attributes:
        id: Such as ``01.o1``.
        right: Their letters in the right order.
        mistakes: A misconception for two letters in the wrong order: those
            that are together ``ab`` if ``b`` stands before ``a``, by key.
    """

    id: str
    right: str
    mistakes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Prediction:
    """A number that a learner commits to before a run.

    Attributes:
        id: Such as ``01.sync``.
        unit: ``s``, ``calls`` or another unit of the catalogue, under
            ``unit.NAME``.
        begun: Whether the run has begun: from then on it is locked.
        observed: What the run gave; None while it goes on.
        run: Function and mode of the run whose plot shows it, for seconds
            that the caller waits; with two numbers, for seconds until the
            last call is done, of a run with so many calls, and so many of
            them in flight at most.
    """

    id: str
    unit: str
    begun: Callable[[Work], bool]
    observed: Callable[[Work], float | None]
    run: tuple[str, Mode] | tuple[str, Mode, int, int] | None = None
