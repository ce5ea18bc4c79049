"""Recorded runs of notebooks, to be shown where no lab can be started."""

from __future__ import annotations

from pathlib import Path

from labkit.errors import InvalidValueError

FOLDER = Path(__file__).with_name("runs")


def recorded_notebooks() -> list[str]:
    """Return the numbers of the notebooks whose run is recorded."""
    return sorted(path.stem for path in FOLDER.glob("[0-9][0-9].jsonl"))


def course_run(number: str) -> Path:
    """Return the record of a notebook's run, for ``RecordedRun``.

    Args:
        number: Of the notebook, such as ``01``.

    Raises:
        InvalidValueError: There is none.
    """
    known = recorded_notebooks()
    if number.zfill(2) not in known:
        raise InvalidValueError(
            f"{number} is no recorded run",
            expected=f"a record that lab.record() wrote, or a notebook of: {', '.join(known)}",
            seen=f"neither a file nor a notebook {number!r}",
        )
    return FOLDER / f"{number.zfill(2)}.jsonl"
