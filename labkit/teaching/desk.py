"""What teaching works with: the learner's progress, work and language."""

from __future__ import annotations

import os
import re
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
        notebook: Number of the notebook, such as ``01``, or "" if it is none
            of the course's, or not known.
    """

    progress: ProgressFile
    words: Words
    work: Callable[[], Work]
    seed: str
    notebook: str = ""


def notebook_number() -> str:
    """Return the number of the course notebook that this kernel runs, or "".

    Only a Jupyter server tells its kernels which file they run.
    """
    name = os.path.basename(os.environ.get("JPY_SESSION_NAME", ""))
    found = re.match(r"(\d\d)-", name)
    return found[1] if found else ""
