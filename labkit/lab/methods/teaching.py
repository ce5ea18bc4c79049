"""Predictions, checks, hints, questions and progress of a learner."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from labkit.clients.inspector import CapturedRequest
from labkit.clients.lab_watch import guarded
from labkit.lab.arguments import checked
from labkit.lab.background_loop import blocking
from labkit.lab.methods.parts import LabParts
from labkit.lab.recording import PUBLISH_SECONDS
from labkit.language import language
from labkit.live.display import shows_widgets
from labkit.teaching.verdict import CourseVerdict

if TYPE_CHECKING:
    from labkit.teaching.arranging import ArrangementText
    from labkit.teaching.desk import Desk
    from labkit.teaching.predictions import PredictionReport
    from labkit.teaching.progress import ProgressReport
    from labkit.teaching.questions import QuestionText
    from labkit.teaching.work import Work, WorkLab

# The course's modules and texts are imported on first use: ``import labkit``
# and ``Lab.start()`` do without them.


class AsyncLabTeaching(LabParts):
    """What a check asks that ``Lab`` has no method for."""

    @guarded
    async def captured(self, bin_name: str) -> list[CapturedRequest]:
        """Return the requests in a bin, oldest first; none without a bin."""
        inspector = self.connections.inspector
        if bin_name not in {each["name"] for each in await inspector.bins()}:
            return []
        return await inspector.requests(bin_name, order="oldest", limit=500)


class LabTeaching:
    """Predictions, checks, hints, questions and progress of a learner."""

    _async: AsyncLabTeaching

    _captured = blocking(AsyncLabTeaching.captured)

    @property
    def language(self) -> str:
        """Language of texts: ``LABKIT_LANG``, else the notebook's folder."""
        return language()

    @checked
    def predict(self, name: str, value: Any) -> CourseVerdict:
        """Commit to a number before the run that it is about.

        It can be changed until the run has begun; from then on it is locked.
        ``lab.plot`` draws it beside the result.

        Args:
            name: The prediction's, such as ``01.sync``.
            value: Your number, in the unit that the notebook names.

        Raises:
            InvalidValueError: There is no such prediction, or no number.
        """
        from labkit.teaching.predictions import predict

        return predict(self._desk, name, value)

    @checked
    def predictions(self) -> PredictionReport:
        """Return your predictions beside what was observed, in words.

        In a notebook of the course those of this notebook, elsewhere all.
        """
        from labkit.teaching.predictions import predictions

        return predictions(self._desk)

    @checked
    def check(self, exercise: str) -> CourseVerdict:
        """Judge an exercise by what the lab has recorded.

        Returns:
            The verdict: ``passed``, or ``expected``, ``seen`` and
            ``next_step``. What you wrote, and how, is not judged.

        Raises:
            InvalidValueError: There is no such exercise.
        """
        from labkit.teaching.checking import check

        return check(self._desk, exercise)

    @checked
    def hint(self, exercise: str, level: int | None = None) -> Any:
        """Show a hint: a question, then a pointer, then a worked line.

        In a notebook a button shows one after the other; elsewhere each call
        shows the next. They are counted.

        Args:
            exercise: Such as ``01.3``.
            level: Show the hints up to this one at once; 1 to 3.
        """
        from labkit.teaching.hints import hint

        if level is None and shows_widgets():
            from labkit.teaching.widgets import hint_widget

            return hint_widget(self._desk, exercise)
        return hint(self._desk, exercise, level)

    @checked
    def choose(self, question: str, answer: str = "") -> CourseVerdict | QuestionText | Any:
        """Ask a multiple choice question, or answer it.

        Args:
            question: Such as ``01.q1``.
            answer: The letter of an option; without it the question is shown,
                in a notebook with buttons.
        """
        from labkit.teaching.questions import answer as judge
        from labkit.teaching.questions import question_text

        if answer:
            return judge(self._desk, question, answer)
        if shows_widgets():
            from labkit.teaching.widgets import choice_widget

            return choice_widget(self._desk, question)
        return question_text(self._desk, question)

    @checked
    def arrange(self, lines: str, order: Sequence[str] = "") -> CourseVerdict | ArrangementText | Any:
        """Ask to put lines in order, or judge an order of them.

        Args:
            lines: Such as ``01.o1``.
            order: Their letters, such as ``"cab"``; without it the lines are
                shown, in a notebook with buttons.
        """
        from labkit.teaching.arranging import arrange, arrangement_text

        if order:
            return arrange(self._desk, lines, order)
        if shows_widgets():
            from labkit.teaching.widgets import arrange_widget

            return arrange_widget(self._desk, lines)
        return arrangement_text(self._desk, lines)

    @checked
    def progress(self) -> ProgressReport:
        """Return what you have done in all notebooks, and what is next.

        ``summary`` is one line to paste to your instructor; ``export(path)``
        writes a file for ``restore_progress``. A reset keeps it.
        """
        from labkit.teaching.progress import ProgressReport

        desk = self._desk
        return ProgressReport(desk.progress.read(), desk.words.language)

    @checked
    def restore_progress(self, path: str | PathLike[str]) -> ProgressReport:
        """Add the progress of an exported file; nothing passed is lost.

        Raises:
            InvalidValueError: It is no such file.
            WorkspaceError: It can't be read.
        """
        from labkit.teaching.progress import ProgressReport, restore

        desk = self._desk
        return ProgressReport(restore(desk.progress, path), desk.words.language)

    @property
    def _desk(self) -> Desk:
        from labkit.teaching.desk import Desk, notebook_number
        from labkit.teaching.progress_file import ProgressFile
        from labkit.teaching.words import Words

        workspace = self._async.workspace
        progress, words = ProgressFile(workspace), Words(language())
        return Desk(progress, words, self._work, str(workspace.root), notebook_number())

    def _work(self) -> Work:
        from labkit.teaching.progress_file import ProgressFile
        from labkit.teaching.work import Work

        # What was done a moment ago is judged, too.
        time.sleep(PUBLISH_SECONDS)
        kept = ProgressFile(self._async.workspace).read().predictions
        predicted = {id_: float(entry["value"]) for id_, entry in kept.items()}
        return Work(cast("WorkLab", self), notebook_names(), self._captured, predicted)


def notebook_names() -> Mapping[str, Any]:
    """Return the notebook's objects by name, or the running script's."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    names: Mapping[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return names
