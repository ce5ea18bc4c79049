"""``python -m tools.course``: write, check, solved, translate, import, guide, timings, record."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tools.course import guide
from tools.course.build import ENGLISH, Course, file_of, from_notebook
from tools.course.source import SourceError, filled, render


def write(course: Course, _: argparse.Namespace) -> int:
    """Make the learner's notebooks, and the instructor's guide, where they are not current."""
    return _tell(course.write() + guide.write(course))


def write_guide(course: Course, _: argparse.Namespace) -> int:
    """Write what is generated of the instructor's guide, in both languages."""
    return _tell(guide.write(course))


def _tell(paths: list[Path]) -> int:
    for path in paths:
        print("wrote", path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return 0


def timings(course: Course, options: argparse.Namespace) -> int:
    """Run every solved notebook once, with a lab, and write the seconds into the guide."""
    from tools.course.timings import measure

    measure(course, options.notebooks)
    return _tell(guide.write(course))


def record(course: Course, options: argparse.Namespace) -> int:
    """Run a solved notebook, with a lab, and keep its record, which `labkit open NN` shows."""
    from labkit.teaching.recorded_runs import FOLDER
    from tools.course.runs import record

    path = FOLDER / f"{options.notebook}.jsonl"
    record(course.english(options.notebook), path)
    return _tell([path])


def check(course: Course, _: argparse.Namespace) -> int:
    """List what is not current, notebooks, translations and guide; fail if anything is."""
    problems = course.problems() + guide.problems(course)
    print("\n".join(problems) or "All notebooks, translations and the guide are current.")
    return bool(problems)


def solved(course: Course, options: argparse.Namespace) -> int:
    """Write a solved notebook into a folder, and print its path."""
    cells = filled(course.english(options.notebook), options.wrong)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="labkit-course-"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{options.notebook}-solved.ipynb"
    path.write_text(file_of(cells), encoding="utf-8")
    print(path)
    return 0


def translate(course: Course, options: argparse.Namespace) -> int:
    """List the stale and missing Markdown cells of a translation, with their marks and English texts."""
    english = course.english(options.notebook)
    stems = {path.stem for path in course.sources() if options.notebook in (path.stem, path.stem[:2])}
    path = course.folder / "source" / options.language / f"{stems.pop()}.md"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [cell for cell in english if not cell.is_code]
        path.write_text(
            "".join(f"<!-- cell: {cell.id} source={cell.sha} -->\n{cell.text}\n\n" for cell in texts)
        )
        print(f"wrote {path}: the English texts, to be translated in place")
        return 0
    for finding in course.findings(path):
        print(f"{finding}\n<!-- cell: {finding.cell.id} source={finding.cell.sha} -->\n{finding.cell.text}\n")
    return 0


def import_(course: Course, options: argparse.Namespace) -> int:
    """Begin an English source with the cells of a notebook's file."""
    path = course.folder / "source" / ENGLISH / f"{options.file.stem}.md"
    if path.exists():
        raise SourceError(f"{path} exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        render(from_notebook(json.loads(options.file.read_text(encoding="utf-8")))), encoding="utf-8"
    )
    print("wrote", path)
    return 0


def main() -> int:
    """Run one command; a source that can't be read is told in one line."""
    parser = argparse.ArgumentParser(prog="python -m tools.course", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run in {
        "write": write,
        "check": check,
        "solved": solved,
        "translate": translate,
        "import": import_,
        "guide": write_guide,
        "timings": timings,
        "record": record,
    }.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if name == "import":
            command.add_argument("file", type=Path, help="a notebook")
        if name == "timings":
            command.add_argument("notebooks", nargs="*", metavar="NN", help="only these")
        if name in ("solved", "translate", "record"):
            command.add_argument("notebook", help="such as 01")
        if name == "solved":
            command.add_argument(
                "folder", type=Path, nargs="?", help="where; by default a new folder in /tmp"
            )
            command.add_argument(
                "--wrong", default="", help="KEY/MISCONCEPTION in the place of that solution"
            )
        if name == "translate":
            command.add_argument("--language", default="zh")
    options = parser.parse_args()
    try:
        return int(options.run(Course(), options))
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
