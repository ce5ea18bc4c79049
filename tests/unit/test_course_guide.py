"""The instructor's guide: what is generated of it, from the course itself."""

from __future__ import annotations

import json
import re

import pytest

from labkit.teaching.registry import course_notebooks
from labkit.teaching.words import catalogue
from tools.course import guide
from tools.course.build import Course
from tools.course.guide import GuideWords, exercises_page

COURSE = Course()


def test_the_generated_parts_of_the_guide_are_current() -> None:
    assert guide.problems(COURSE) == []


def test_both_languages_have_the_same_words_and_the_same_places() -> None:
    words = json.loads(guide.WORDS_FILE.read_text(encoding="utf-8"))
    places = {
        language: {key: set(re.findall(r"\{\w+\}", text)) for key, text in entries.items()}
        for language, entries in words.items()
    }

    assert places["en"] == places["zh"]


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_the_page_has_every_exercise_misconception_and_option(language: str) -> None:
    words = GuideWords(language)
    page = exercises_page(COURSE, words).replace("\\|", "|")
    shown = re.compile(r"(check\.\d\d\.\w+\.(expected|wrong\.)|choose\.\d\d\.q|arrange\.\d\d\.).*")
    said = [key for key in catalogue(language) if shown.fullmatch(key)]
    exercises = [each for book in course_notebooks() for each in book.exercises]
    stubs = {f"check.{each.id}.wrong.{each.untouched}" for each in exercises}

    assert len(said) > 250
    assert [key for key in said if key not in stubs and words.course(key) not in page] == []
    headings = re.findall(r"^### (\d\d\.\w+) ·", page, re.MULTILINE)
    assert headings == [each.id for each in exercises]


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_the_page_has_no_solution(language: str) -> None:
    page = exercises_page(COURSE, GuideWords(language))
    solutions = [
        line.strip()
        for book in course_notebooks()
        for cell in COURSE.english(book.number)
        if "solution" in cell.marks
        for line in cell.text.splitlines()[:1]
        if len(cell.text.splitlines()) == 1
    ]

    assert len(solutions) > 10
    assert [line for line in solutions if f"`{line}`" in page] == []


@pytest.mark.parametrize("language", guide.LANGUAGES)
def test_every_row_of_a_table_has_the_columns_of_its_head(language: str) -> None:
    for block in exercises_page(COURSE, GuideWords(language)).split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block


def test_every_notebook_says_its_minutes_and_has_measured_seconds() -> None:
    timings = json.loads(guide.TIMINGS.read_text(encoding="utf-8"))

    for book in course_notebooks():
        assert 10 <= guide.minutes(COURSE.english(book.number)) <= 30
        assert 0 < timings["seconds"][book.number] < 60
