"""What a learner has done in all notebooks, as a table and as a line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from labkit.errors import WorkspaceError
from labkit.teaching.progress_file import ProgressFile, ProgressRecord
from labkit.teaching.registry import course_notebooks
from labkit.teaching.summary_line import summary_line
from labkit.teaching.words import Words
from labkit.views.tables import html_table, text_table
from labkit_services.files.one_step import write_in_one_step

_HEADING = ("notebook", "exercises", "hints", "questions")


@dataclass(frozen=True)
class ProgressReport:
    """What ``lab.progress()`` shows.

    Attributes:
        record: All entries.
        language: Of the texts.
    """

    record: ProgressRecord = field(repr=False)
    language: str = "en"

    @property
    def summary(self) -> str:
        """One line to paste to the instructor; it names nobody."""
        return summary_line(self.record)

    @property
    def next_step(self) -> str:
        """Which exercise is next, as a sentence."""
        words = Words(self.language)
        for book in course_notebooks():
            for exercise in book.exercises:
                if "passed" not in self.record.exercises.get(exercise.id, {}):
                    title = words.text(f"exercise.{exercise.id}")
                    return words.text("progress.next", id=exercise.id, title=title, number=book.number)
        return words.text("progress.all-done")

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table: the heading, then a row for each notebook."""
        words, record = Words(self.language), self.record
        rows = [tuple(words.text(f"progress.{name}") for name in _HEADING)]
        for book in course_notebooks():
            marks = "".join(
                "✓" if "passed" in record.exercises.get(each.id, {}) else "·" for each in book.exercises
            )
            passed = f"{marks.count('✓')}/{len(marks)} {marks}" if marks else ""
            hints = sum(int(record.exercises.get(each.id, {}).get("hints", 0)) for each in book.exercises)
            asked = [each.id for each in book.questions] + [each.id for each in book.arrangements]
            right = sum("passed" in record.questions.get(id_, {}) for id_ in asked)
            rows.append(
                (
                    f"{book.number} {words.text(f'notebook.{book.number}')}",
                    passed,
                    str(hints or ""),
                    f"{right}/{len(asked)}" if asked else "",
                )
            )
        return rows

    def export(self, path: str | PathLike[str] = "labkit-progress.json") -> Path:
        """Write the progress to a file, for another machine; return its path.

        Raises:
            WorkspaceError: It can't be written.
        """
        target = Path(path).expanduser().absolute()
        content = json.dumps(self.record.to_json(), indent=1, ensure_ascii=False) + "\n"
        try:
            write_in_one_step(target, content.encode())
        except OSError as error:
            raise WorkspaceError(
                "your progress can't be written there",
                expected=f"a file in a folder that you can write to: {target}",
                seen=str(error.strerror),
                next_step="choose another path",
            ) from error
        return target

    def __repr__(self) -> str:
        return f"{text_table(self.rows())}\n{self.next_step}\n{self.summary}"

    def _repr_html_(self) -> str:
        words = Words(self.language)
        return (
            f"{html_table(self.rows())}<p>{self.next_step}</p>"
            f"<p>{words.text('progress.paste')} <code>{self.summary}</code></p>"
        )


def restore(progress: ProgressFile, path: str | PathLike[str]) -> ProgressRecord:
    """Add the progress of an exported file; nothing passed is lost.

    Raises:
        InvalidValueError: It is no such file.
        WorkspaceError: It can't be read.
    """
    source = Path(path).expanduser()
    try:
        text = source.read_text("utf-8", "replace")
    except OSError as error:
        raise WorkspaceError(
            "the file can't be read",
            expected='a file that lab.progress().export("…") wrote',
            seen=f"{error.strerror}: {source}",
            next_step="in JupyterLab, drag the file into the file browser first",
        ) from error
    other = ProgressRecord.from_json(text, str(source))
    return progress.change(lambda record: record.merged(other))
