"""Sentences of the course's catalogue, as patterns of what a learner sees."""

from __future__ import annotations

import re

from labkit.teaching.registry import exercise
from labkit.teaching.words import catalogue


def pattern(*keys: str, language: str = "en") -> str:
    """Return a pattern of the first entry that there is, with anything in the places of its values."""
    words = catalogue(language)
    entry = next((words[key] for key in keys if key in words), None)
    assert entry is not None, f"no entry {' or '.join(keys)} in the catalogue of {language}"
    forms = entry.values() if isinstance(entry, dict) else [entry]
    return "|".join(".*".join(map(re.escape, re.split(r"\{\w+\}", form))) for form in forms)


def finding(id_: str, key: str, language: str = "en") -> str:
    """Return a pattern of the sentence for a finding of an exercise: ``untouched``, or a misconception."""
    own = f"check.{id_}.wrong.{key}"
    return pattern(own, f"check.{key}", language=language)


def untouched(id_: str, language: str = "en") -> str:
    """Return a pattern of what a check says of a notebook in which nothing was done."""
    return finding(id_, exercise(id_).untouched, language)


def passed(id_: str, language: str = "en") -> str:
    """Return a pattern of the verdict of an exercise that is passed."""
    return pattern("check.passed", language=language).replace(".*", re.escape(id_), 1)
