"""What a learner is told: checks, predictions, questions, hints, progress."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from call_events import async_run, measured

from labkit.errors import InvalidValueError, NotAvailableError
from labkit.teaching.arranging import arrange, arrangement_text
from labkit.teaching.cells import CourseCell, RunCells
from labkit.teaching.checking import check
from labkit.teaching.class_summary import ClassSummary, read_learners
from labkit.teaching.desk import Desk, notebook_number
from labkit.teaching.exercise import Exercise, Prediction
from labkit.teaching.hints import LEVELS, hint
from labkit.teaching.predictions import compare, compare_counts, lines_of, predict, predictions
from labkit.teaching.progress import ProgressReport, restore
from labkit.teaching.progress_file import ProgressFile, ProgressRecord
from labkit.teaching.questions import answer, options_of, question_text
from labkit.teaching.registry import course_notebooks, question
from labkit.teaching.summary_line import read_summaries, summary_line
from labkit.teaching.words import Words, catalogue
from labkit.teaching.work import CheckFinding, Work, passed, wrong
from labkit.workspace import Workspace
from labkit_services.call_record.call import Call

BOOKS = course_notebooks()
QUESTIONS = [each for book in BOOKS for each in book.questions]
ARRANGEMENTS = [each for book in BOOKS for each in book.arrangements]
EXERCISES = [each for book in BOOKS for each in book.exercises]
PREDICTIONS = [each for book in BOOKS for each in book.predictions]


class LabOfCalls:
    """A lab that has nothing but calls."""

    def __init__(self, calls: Sequence[Call] = ()) -> None:
        self._calls = list(calls)

    def calls(self) -> list[Call]:
        return self._calls

    def functions(self) -> list[dict[str, Any]]:
        return []

    def faults(self) -> list[Any]:
        return []

    def queue(self, name: str = "") -> Any:
        raise AssertionError(name)


class Learner:
    """A learner's desk, with calls and objects to be judged."""

    def __init__(self, folder: Path, language: str = "en") -> None:
        self.calls: list[Call] = []
        self.names: dict[str, Any] = {}
        self.progress = ProgressFile(Workspace(folder))
        self.desk = Desk(self.progress, Words(language), self._work, str(folder))

    def _work(self) -> Work:
        kept = self.progress.read().predictions
        predicted = {id_: float(entry["value"]) for id_, entry in kept.items()}
        return Work(LabOfCalls(self.calls), self.names, lambda _: [], predicted)


@pytest.fixture(params=["en", "zh"])
def learner(request: pytest.FixtureRequest, tmp_path: Path) -> Learner:
    return Learner(tmp_path, request.param)


# -- the catalogue


def test_the_languages_have_the_same_entries_and_values() -> None:
    english, chinese = catalogue("en"), catalogue("zh")

    def places(entry: Any) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", json.dumps(entry)))

    assert english.keys() == chinese.keys()
    assert {key for key in english if places(english[key]) != places(chinese[key])} == set()


def test_the_files_of_both_languages_are_the_same() -> None:
    folder = Path(__file__).parents[2] / "labkit/teaching/words"

    assert {path.name for path in folder.glob("en/*")} == {path.name for path in folder.glob("zh/*")}


def test_every_part_of_the_course_has_its_texts_and_no_text_is_left_over() -> None:
    wanted = {f"notebook.{book.number}" for book in BOOKS}
    for each in EXERCISES:
        wanted |= {f"exercise.{each.id}", f"check.{each.id}.expected", f"check.{each.id}.passed"}
        wanted |= {f"check.{each.id}.next", *(f"hint.{each.id}.{level}" for level in range(1, LEVELS + 1))}
    for asked in QUESTIONS:
        wanted |= {f"choose.{asked.id}.question"}
        wanted |= {f"choose.{asked.id}.{letter}{part}" for letter in asked.options for part in ("", ".why")}
    for lines in ARRANGEMENTS:
        wanted |= {f"arrange.{lines.id}.{part}" for part in ("question", "right", *lines.right)}
        wanted |= {f"arrange.{lines.id}.wrong.{key}" for _, key in lines.mistakes}
    wanted |= {f"predict.{each.id}" for each in PREDICTIONS}
    units = {f"unit.{each.unit}" for each in PREDICTIONS if each.unit != "s"}
    of_the_course = {key for key in catalogue("en") if re.search(r"\.\d\d(\.|$)", key)}

    assert (wanted | units) - of_the_course - catalogue("en").keys() == set()
    assert {key for key in of_the_course - wanted if not re.search(r"\.(wrong|next)\.", key)} == set()


def test_the_right_option_is_not_always_the_same_letter() -> None:
    letters = [each.right for each in QUESTIONS]

    assert len(letters) < 3 or max(map(letters.count, letters)) <= len(letters) / 2


# -- checks


@pytest.mark.parametrize("asked", EXERCISES, ids=lambda each: each.id)
def test_a_check_of_an_empty_notebook_fails_with_what_to_do(asked: Exercise, learner: Learner) -> None:
    verdict = check(learner.desk, asked.id)

    assert not verdict
    assert verdict.expected
    assert verdict.seen
    assert verdict.next_step
    assert "{" not in repr(verdict)


def test_a_check_names_the_cell_that_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = RunCells()
    cells.is_kept = True
    monkeypatch.setattr("labkit.teaching.checking.RUN_CELLS", cells)
    verdict = check(Learner(tmp_path).desk, "01.1")

    assert verdict.key == "cell-not-run"
    assert 'async_ = lab.measure("long-task", calls=10, mode="async", wait=True)' in verdict.next_step
    assert "3. Ten calls, twice" in verdict.next_step
    assert Learner(tmp_path).progress.read().exercises == {}  # not a try


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (..., "untouched"),
        ("3", "is-text"),
        (True, "wrong-type"),
        (None, "is-none"),
        (Path.cwd, "not-called"),
        (print, "not-called"),
        (3, ""),
    ],
)
def test_an_object_of_the_notebook_is_judged_by_its_kind(tmp_path: Path, value: object, key: str) -> None:
    learner = Learner(tmp_path)
    learner.names["answer"] = value

    def judge(work: Work) -> CheckFinding:
        return passed() if work.number("answer") == 3 else wrong("other")

    verdict = check_of(learner, judge)

    assert verdict.key == key
    assert bool(verdict.next_step) == bool(key)


def check_of(learner: Learner, judge: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labkit.teaching.checking.exercise", lambda id_: Exercise(id_, judge))
        return check(learner.desk, "01.1")


def test_there_is_no_check_of_an_unknown_exercise(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"no exercise '01\.99'"):
        check(Learner(tmp_path).desk, "01.99")


def test_a_verdict_escapes_what_it_shows(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    learner.names["answer"] = type("<b>&", (), {})()
    shown = check_of(learner, lambda work: passed(n=work.number("answer"))).html()

    assert "<b>" not in shown
    assert "<code>&lt;b&gt;&amp;</code>" in shown


def test_a_text_names_a_cell_without_the_comment_at_its_end() -> None:
    assert CourseCell("# mine\nx = ...  # seconds\ny = 2", "").quoted == "x = ..."


class Info:
    def __init__(self, raw_cell: str, cell_id: str | None = None) -> None:
        self.raw_cell = raw_cell
        self.cell_id = cell_id


def test_a_cell_has_run_by_its_id_or_its_code_until_the_lab_is_reset() -> None:
    cells, cell = RunCells(), CourseCell("x = 1\ny = 2", "")
    assert cells.has_run("a", cell)  # nobody keeps account

    cells.note(Info("other"))
    assert not cells.has_run("a", cell)
    cells.note(Info("# mine\nx = 1\ny = 3"))  # edited, and its first line kept
    assert cells.has_run("a", cell)
    cells.note(Info("lab.reset()", "start"))
    cells.clear()
    assert not cells.has_run("a", cell)
    assert cells.has_run("start", cell)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("%%function shout\nimport time", "%%function shout"),
        ("%%bash\nls", "ls"),
        ("# first\n\nx = 1", "x = 1"),
        ("%%bash", ""),
    ],
)
def test_a_cell_is_named_by_the_first_line_that_is_its_own(code: str, line: str) -> None:
    assert CourseCell(code, "").first_line == line


# -- predictions


def calls(count: int, mode: Any) -> list[Call]:
    return [Call(str(number), function="long-task", mode=mode) for number in range(count)]


def test_a_prediction_is_kept_can_be_changed_and_is_locked_by_the_run(learner: Learner) -> None:
    assert predict(learner.desk, "01.sync", ...).key == "missing"
    assert predict(learner.desk, "01.sync", 5).key == "kept"
    assert predict(learner.desk, "01.sync", 7).key == "kept"
    learner.calls = calls(10, "sync")

    assert predict(learner.desk, "01.sync", 10).key == "locked"
    assert learner.progress.read().predictions["01.sync"]["value"] == 7
    assert predict(learner.desk, "01.async", 1).key == "kept"


def test_it_is_too_late_for_a_prediction_once_the_run_has_begun(learner: Learner) -> None:
    learner.calls = calls(10, "sync")

    assert predict(learner.desk, "01.sync", 10).key == "too-late"
    assert learner.progress.read().predictions == {}


@pytest.mark.parametrize("value", ["5", -1, float("nan"), float("inf"), True, None])
def test_a_prediction_is_a_number(tmp_path: Path, value: object) -> None:
    with pytest.raises(InvalidValueError, match="is no number"):
        predict(Learner(tmp_path).desk, "01.sync", value)


@pytest.mark.parametrize(
    ("predicted", "observed", "says"),
    [
        (10, 10.4, "you were close"),
        (8, 10, "25 % more than you thought"),
        (12, 10, "17 % less than you thought"),
        (5, 10, "2 times as much as you thought"),
        (10, 0.5, "you thought 20 times as much"),
        (0, 3, "far more than you thought"),
        (0, 0, "you were close"),
    ],
)
def test_a_prediction_is_compared_in_words(predicted: float, observed: float, says: str) -> None:
    assert says in compare(Words("en"), predicted, observed)


@pytest.mark.parametrize(
    ("predicted", "observed", "says"),
    [
        (0, 1, "it was 1 more than you thought"),
        (4, 4, "just as you thought"),
        (4, 3, "it was 1 less than you thought"),
        (100, 20, "you thought 5 times as much"),
    ],
)
def test_a_predicted_number_of_things_is_compared_by_counting(
    predicted: float, observed: float, says: str
) -> None:
    assert says in compare_counts(Words("en"), predicted, observed)


@pytest.mark.parametrize("asked", PREDICTIONS, ids=lambda each: each.id)
def test_a_prediction_is_listed_before_its_run(asked: Prediction, learner: Learner) -> None:
    predict(learner.desk, asked.id, 5)
    report = predictions(learner.desk)

    assert [(row.id, row.predicted, row.observed) for row in report.rows] == [(asked.id, 5, None)]
    assert learner.desk.words.text("predictions.not-yet") in repr(report)


def test_a_notebook_lists_its_own_predictions(learner: Learner) -> None:
    for id_ in ("01.sync", "02.ten", "02.four"):
        predict(learner.desk, id_, 5)

    assert [row.id for row in predictions(replace(learner.desk, notebook="02")).rows] == ["02.ten", "02.four"]
    assert len(predictions(learner.desk).rows) == 3


@pytest.mark.parametrize(
    ("notebook", "at_once", "seconds"),
    [("02", 4, 2.5), ("02", 1, None), ("01", 4, 7), ("", 4, 2.5), ("", 1, 7), ("03", 4, None)],
)
def test_a_plot_shows_the_prediction_of_its_own_notebook(
    tmp_path: Path, notebook: str, at_once: int, seconds: float | None
) -> None:
    learner = Learner(tmp_path)
    predict(learner.desk, "01.async", 7)
    predict(learner.desk, "02.four", 2.5)

    line = lines_of(learner.progress, notebook)(measured("async", async_run(10, at_once)))

    assert (None if line is None else line.seconds) == seconds


@pytest.mark.parametrize(
    ("session", "number"),
    [
        ("/home/me/my-notebooks/en/02-the-queue-worker.ipynb", "02"),
        ("02-the-queue-worker-Copy1.ipynb", "02"),
        ("/home/02-me/scratch.ipynb", ""),
        ("", ""),
    ],
)
def test_a_kernel_knows_which_notebook_it_runs(
    session: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", session)

    assert notebook_number() == number


# -- questions, lines to order, hints


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda each: each.id)
def test_every_option_has_a_reply_of_its_own_and_one_is_right(asked: Any, learner: Learner) -> None:
    verdicts = [answer(learner.desk, asked.id, letter) for letter in asked.options]

    assert [letter for letter, each in zip(asked.options, verdicts, strict=True) if each] == [asked.right]
    assert len({each.text for each in verdicts}) == len(asked.options)
    entry = learner.progress.read().questions[asked.id]
    assert (entry["first"], entry["tries"]) == (asked.options[0], len(asked.options))


def test_options_are_shuffled_for_each_learner_and_stay_so(tmp_path: Path) -> None:
    orders = [
        "".join(letter for letter, _ in options_of(Learner(tmp_path / str(n)).desk, question("01.q1")))
        for n in range(20)
    ]

    assert len(set(orders)) > 5
    assert set(map("".join, map(sorted, orders))) == {"abcd"}
    again = "".join(letter for letter, _ in options_of(Learner(tmp_path / "0").desk, question("01.q1")))
    assert again == orders[0]


def test_a_question_as_text_tells_how_to_answer_and_counts_nothing(learner: Learner) -> None:
    assert 'lab.choose("01.q1", "a")' in repr(question_text(learner.desk, "01.q1"))
    assert learner.progress.read().questions == {}
    with pytest.raises(InvalidValueError, match="no such option"):
        answer(learner.desk, "01.q1", "z")


@pytest.mark.parametrize("asked", ARRANGEMENTS, ids=lambda each: each.id)
def test_lines_are_right_in_one_order_and_each_mistake_has_its_sentence(asked: Any, learner: Learner) -> None:
    assert arrange(learner.desk, asked.id, asked.right)
    assert sorted(asked.right) != list(asked.right), "the order of the letters is the answer"
    for (earlier, later), key in asked.mistakes:
        assert asked.right.index(earlier) < asked.right.index(later)
        order = [letter for letter in asked.right if letter != later]
        order.insert(order.index(earlier), later)
        assert arrange(learner.desk, asked.id, order).key == key
    assert not arrange(learner.desk, asked.id, arrangement_letters(learner, asked.id))
    with pytest.raises(InvalidValueError, match="has other lines"):
        arrange(learner.desk, asked.id, "aab")


def arrangement_letters(learner: Learner, id_: str) -> list[str]:
    return [letter for letter, _ in arrangement_text(learner.desk, id_).lines]


def test_hints_come_one_after_the_other_and_are_counted(learner: Learner) -> None:
    shown = [hint(learner.desk, "01.3") for _ in range(4)]

    assert [each.key for each in shown] == ["1", "2", "3", "3"]
    assert "lab.measure" in repr(shown[2])
    assert "lab.measure(" not in repr(shown[0])
    assert learner.progress.read().exercises == {"01.3": {"hints": 3}}
    with pytest.raises(InvalidValueError, match="no such hint"):
        hint(learner.desk, "01.3", 4)


# -- progress


def work_of_two_notebooks(folder: str) -> None:
    progress = ProgressFile(Workspace(Path(folder)))
    for _ in range(40):
        progress.note_check("01.1", passed=False)


def test_two_notebooks_write_progress_at_once_and_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work_of_two_notebooks, args=(str(tmp_path),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    assert ProgressFile(Workspace(tmp_path)).read().exercises == {"01.1": {"tries": 80}}


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    progress = ProgressFile(Workspace(tmp_path))
    progress.note_check("01.1", passed=True)
    progress.path.write_text("{")

    assert progress.read() == ProgressRecord.empty()
    assert progress.path.with_suffix(".json.damaged").read_text() == "{"


def test_what_was_passed_stays_passed(tmp_path: Path) -> None:
    progress = ProgressFile(Workspace(tmp_path))
    progress.note_check("01.1", passed=True)
    progress.note_check("01.1", passed=False)

    assert progress.read().exercises["01.1"]["tries"] == 2
    assert "passed" in progress.read().exercises["01.1"]


def test_progress_goes_to_another_machine_and_is_added_there(tmp_path: Path) -> None:
    here, there = (ProgressFile(Workspace(tmp_path / name)) for name in ("here", "there"))
    here.note_check("01.1", passed=True)
    here.note_hint("01.2", 2)
    there.note_check("01.2", passed=True)
    file = ProgressReport(here.read()).export(tmp_path / "mine.json")
    both = restore(there, file)

    assert {id_ for id_, entry in both.exercises.items() if "passed" in entry} == {"01.1", "01.2"}
    assert both.exercises["01.2"]["hints"] == 2
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(InvalidValueError, match="is no progress"):
        restore(there, tmp_path / "other.json")


def test_the_report_names_the_next_exercise(learner: Learner) -> None:
    learner.progress.note_check(EXERCISES[0].id, passed=True)
    report = ProgressReport(learner.progress.read(), learner.desk.words.language)

    assert EXERCISES[1].id in report.next_step
    assert report.rows()[1][1] == "1/3 ✓··"
    assert report.summary in repr(report)


def some_progress(folder: Path, right: str = "c") -> ProgressRecord:
    progress = ProgressFile(Workspace(folder))
    progress.note_check("01.1", passed=False)
    progress.note_check("01.1", passed=True)
    progress.note_hint("01.2", 1)
    progress.note_answer("01.q1", "a", passed=False)
    progress.note_answer("01.q1", right, passed=True)
    progress.note_answer("01.o1", "ebdca", passed=True)
    return progress.read()


def test_a_summary_line_can_be_read_again(tmp_path: Path) -> None:
    line = summary_line(some_progress(tmp_path))
    (name, record), (unnamed, _) = read_summaries(f"Ada Lovelace: {line}\nno summary\n{line}")

    assert name == "Ada Lovelace"
    assert unnamed == "line 3"
    assert summary_line(record) == line
    assert record.exercises["01.1"] == {"tries": 2, "hints": 0, "passed": ""}


@pytest.mark.parametrize("change", [lambda line: line[:-3], lambda line: line.replace("p2", "p1")])
def test_a_line_that_was_cut_off_is_named(tmp_path: Path, change: Any) -> None:
    with pytest.raises(InvalidValueError, match="line 1 of the text is not a complete summary"):
        read_summaries(change(summary_line(some_progress(tmp_path))))


def test_a_line_that_a_mail_has_wrapped_and_quoted_is_whole(tmp_path: Path) -> None:
    record = some_progress(tmp_path)
    first, *entries = summary_line(record).split(" 01.")
    wrapped = "\n> 01.".join([f"> Ada: {first}", *entries])
    lines = f"{wrapped}\nBob: {summary_line(record)} Eve: {summary_line(record)}"

    assert wrapped.count("\n") > 2
    assert [(name, summary_line(each)) for name, each in read_summaries(lines)] == [
        (name, summary_line(record)) for name in ("Ada", "Bob", "Eve")
    ]


@pytest.mark.parametrize("text", ["", "hello", "my labkit-progress v", "\ufffd\x00\x01"])
def test_a_file_without_progress_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"chat\.txt has no progress of a learner"):
        read_learners(text, "chat.txt")


def test_counts_in_an_exported_file_are_numbers() -> None:
    document = ProgressRecord.empty().to_json()
    document["exercises"] = {"01.1": {"tries": "many"}}

    with pytest.raises(InvalidValueError, match=r"eve\.json is no progress of a learner"):
        read_learners(json.dumps(document), "eve.json")


def test_a_class_is_summed_up_from_lines_and_files(tmp_path: Path) -> None:
    ada = some_progress(tmp_path / "a")
    text = "\n".join([f"Ada: {summary_line(ada)}", f"Bob: {summary_line(ProgressRecord.empty())}"])
    file = ProgressReport(ada).export(tmp_path / "eve.json")
    learners = [*read_learners(text, "lines"), *read_learners(file.read_text(), "eve.json")]
    summary = ClassSummary.of(learners)

    assert summary.learners == (("Ada", 1), ("Bob", 0), ("eve", 1))
    rows = {row.id: row for row in summary.rows}
    assert (rows["01.1"].passed, rows["01.1"].tried, rows["01.1"].tries) == (2, 2, 2.0)
    assert (rows["01.2"].passed, rows["01.2"].hints) == (0, 1.0)
    assert (rows["01.q1"].passed, rows["01.q1"].wrong) == (0, ("a", 2))
    assert (rows["01.o1"].passed, rows["01.o1"].wrong) == (2, None)
    assert "2/3" in summary.text()
    summary.figure().savefig(tmp_path / "class.png")


def test_two_lines_of_one_name_are_two_learners(tmp_path: Path) -> None:
    line = f"Ada: {summary_line(some_progress(tmp_path))}"

    assert ClassSummary.of(read_learners(f"{line}\n{line}", "chat.txt")).learners == (("Ada", 1), ("Ada", 1))


def test_a_check_of_what_an_openfaas_elsewhere_does_not_know_says_so(learner: Learner) -> None:
    def judge(work: Work) -> CheckFinding:
        raise NotAvailableError("The queue: not available here", next_step="use a lab on this machine")

    verdict = check_of(learner, judge)

    assert not verdict
    assert "The queue: not available here" in verdict.seen
    assert verdict.next_step == "use a lab on this machine"
    assert learner.progress.read().exercises == {}  # not a try
