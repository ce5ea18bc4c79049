"""What teaching works with: the learner's progress, work and language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labkit.teaching.progress_file import ProgressFile
from labkit.teaching.words import Words
from labkit.teaching.work import Work


@dataclass(frozen=True)
class Desk:
    """One learner in one notebook.

    Attributes:
        progress: What was done in all notebooks.
        words: The texts in the notebook's language.
        work: Returns what was done since the lab's reset.
        seed: Of shuffled options: the same for this learner each time.
    """

    progress: ProgressFile
    words: Words
    work: Callable[[], Work]
    seed: str
