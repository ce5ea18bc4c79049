"""Verification: did the expected requests arrive, and no others?

Pure: it judges the records of one moment. ``routes/verify.py`` waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.queries.matching import Difference, check_conditions, match
from labkit_services.inspector.records.request_record import RequestRecord

MAX_EXPECTATIONS = 50
_MAX_TIMES = 100_000
_NEAR_MISSES = 3
_FIELDS = {"match", "times", "never"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many requests must match; ``most`` None is without a limit.

    Attributes:
        conditions: As of a rule's ``when``; none match every request.
    """

    conditions: dict[str, Any]
    least: int = 1
    most: int | None = None

    @classmethod
    def parse(cls, document: Any) -> Expectation:
        """Read ``{"match": {…}, "times": 2}``; ``never`` is 0 times."""
        if not isinstance(document, dict) or not document.keys() <= _FIELDS:
            expected = '{"match": {…}, "times": {"min": 1, "max": 2}} or {"match": {…}, "never": true}'
            raise InvalidValueError(
                "an expectation is not valid", expected=expected, seen=f"{document!a:.80}"
            )
        conditions = check_conditions(document.get("match", {}))
        times = document.get("times", {})
        if document.get("never"):
            if "times" in document:
                raise InvalidValueError("an expectation has never and times", expected="one of them")
            return cls(conditions, 0, 0)
        if isinstance(times, int):
            times = {"min": times, "max": times}
        if not isinstance(times, dict) or not times.keys() <= {"min", "max"}:
            raise InvalidValueError("times is not valid", expected='a number or {"min": 1, "max": 2}')
        least = _count("min", times.get("min", 0 if "max" in times else 1))
        most = None if times.get("max") is None else _count("max", times["max"])
        if most is not None and most < least:
            raise InvalidValueError("times is not valid", expected="min is at most max", seen=f"{times}")
        return cls(conditions, least, most)

    def to_json(self) -> dict[str, Any]:
        """Return the expectation as it was given."""
        return {"match": self.conditions, "times": {"min": self.least, "max": self.most}}

    def __str__(self) -> str:
        """Return it in words: ``2 requests with function = "figlet"``."""
        bound = f"{self.least}"
        if self.most is None:
            bound = f"at least {self.least}"
        elif self.most != self.least:
            bound = f"{self.least} to {self.most}"
        elif self.most == 0:
            bound = "no"
        with_ = ", ".join(f"{name} = {value!r}" for name, value in self.conditions.items())
        noun = "request" if bound in ("1", "at least 1") else "requests"
        return f"{bound} {noun}" + (f" with {with_}" if with_ else "")


@dataclass(frozen=True, slots=True)
class Expected:
    """All that a verification expects.

    Attributes:
        ordered: The requests of an expectation come after those of the one
            before it.
        no_extra: Every request matches one of the expectations.
    """

    expectations: tuple[Expectation, ...]
    ordered: bool = False
    no_extra: bool = False

    @property
    def needs_silence(self) -> bool:
        """Whether a request that comes later can make it fail."""
        return self.no_extra or any(each.most is not None for each in self.expectations)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A request that nearly matched, and what differed; sentences."""

    id: str
    why: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as the REST API does."""
        return {"id": self.id, "why": self.why}


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """What became of one expectation; ``problem`` is "" if it holds."""

    expectation: Expectation
    matched: tuple[str, ...]
    near_misses: tuple[NearMiss, ...]
    problem: str
    is_final: bool = False
    """Whether no later request can mend the problem."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification."""

    results: tuple[ExpectationResult, ...]
    extra: tuple[str, ...]
    extra_problem: str

    @property
    def verified(self) -> bool:
        """Whether everything holds at this moment."""
        return not self.extra_problem and not any(result.problem for result in self.results)

    @property
    def is_final(self) -> bool:
        """Whether it fails, whatever comes."""
        return bool(self.extra_problem) or any(result.is_final for result in self.results)

    @property
    def message(self) -> str:
        """The verdict in sentences."""
        problems = [result.problem for result in self.results if result.problem]
        if self.extra_problem:
            problems.append(self.extra_problem)
        return " ".join(problems) or "All expectations hold."

    def to_json(self) -> dict[str, Any]:
        """Return the response of the REST API."""
        return {
            "verified": self.verified,
            "results": [
                {
                    "expect": result.expectation.to_json(),
                    "matched": result.matched,
                    "near_misses": [miss.to_json() for miss in result.near_misses],
                    "message": result.problem,
                }
                for result in self.results
            ],
            "extra": self.extra,
            "message": self.message,
        }


class Judgement:
    """Judges the records of a bin one by one, the oldest first.

    It keeps no record: a bin may hold a hundred thousand.
    """

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._ids: list[str] = []
        self._names: dict[int, str] = {}
        self._fitting: list[list[int]] = [[] for _ in expected.expectations]
        self._missed = [ClosestMisses(each.conditions) for each in expected.expectations]

    def add(self, record: RequestRecord) -> None:
        """Compare a record with all expectations."""
        index, fits = len(self._ids), False
        self._ids.append(record.id)
        for number, expectation in enumerate(self._expected.expectations):
            if differences := match(record, expectation.conditions):
                self._missed[number].add(record.id, differences)
            else:
                self._fitting[number].append(index)
                fits = True
        if fits or self._expected.no_extra:
            request = record.request
            self._names[index] = f"{request.method} {request.path} (number {record.seq})"

    def verdict(self) -> Verdict:
        """Return the verdict on all records that were added."""
        results = []
        used = set[int]()
        begin = 0
        for number, expectation in enumerate(self._expected.expectations):
            fitting = self._fitting[number]
            late = [i for i in fitting if i >= begin] if self._expected.ordered else fitting
            results.append(self._result(expectation, late, number))
            used.update(late)
            if self._expected.ordered and expectation.least and len(late) >= expectation.least:
                begin = late[expectation.least - 1] + 1
        extra = [i for i in range(len(self._ids)) if i not in used] if self._expected.no_extra else []
        problem = ""
        if extra:
            first = self._names[extra[0]]
            problem = f"{_requests(len(extra))} matched no expectation: the first is {first}."
        return Verdict(tuple(results), tuple(self._ids[i] for i in extra), problem)

    def _result(self, expectation: Expectation, late: list[int], number: int) -> ExpectationResult:
        matched = tuple(self._ids[i] for i in late)
        if expectation.most is not None and len(late) > expectation.most:
            newest = self._names[late[-1]]
            problem = f"Expected {expectation}, but {_requests(len(late))} came: the newest is {newest}."
            return ExpectationResult(expectation, matched, (), problem, is_final=True)
        if len(late) >= expectation.least:
            return ExpectationResult(expectation, matched, (), "")
        problem = f"Expected {expectation}, but {_requests(len(late))} came"
        if early := len(self._fitting[number]) - len(late):
            return ExpectationResult(
                expectation,
                matched,
                (),
                f"{problem}; {_requests(early)} came before those of expectation {number}.",
            )
        missed = self._missed[number].found()
        if missed:
            problem += f"; the closest: {' '.join(missed[0].why)}"
        return ExpectationResult(expectation, matched, missed, problem.rstrip(".") + ".")


def judge(records: Iterable[RequestRecord], expected: Expected) -> Verdict:
    """Return the verdict on ``records``, which are oldest first."""
    judgement = Judgement(expected)
    for record in records:
        judgement.add(record)
    return judgement.verdict()


class ClosestMisses:
    """The requests with the fewest differences, of those the newest."""

    def __init__(self, conditions: dict[str, Any]) -> None:
        self._conditions = conditions
        self._found: list[tuple[int, NearMiss]] = []

    def add(self, record_id: str, differences: list[Difference]) -> None:
        """Compare a request that does not match with those found so far."""
        count = len(differences)
        # What differs in everything is no near miss.
        if count >= len(self._conditions) > 1:
            return
        if len(self._found) == _NEAR_MISSES and count > self._found[-1][0]:
            return
        miss = NearMiss(record_id, tuple(each.sentence for each in differences))
        self._found.insert(0, (count, miss))
        self._found.sort(key=lambda each: each[0])
        del self._found[_NEAR_MISSES:]

    def found(self) -> tuple[NearMiss, ...]:
        """Return the closest first."""
        return tuple(miss for _, miss in self._found)


def near_misses(records: Iterable[RequestRecord], conditions: dict[str, Any]) -> tuple[NearMiss, ...]:
    """Return the closest of ``records``, which are oldest first."""
    closest = ClosestMisses(conditions)
    for record in records:
        if differences := match(record, conditions):
            closest.add(record.id, differences)
    return closest.found()


def _requests(count: int) -> str:
    return f"{count or 'no'} {'request' if count == 1 else 'requests'}"


def _count(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TIMES:
        return value
    raise InvalidValueError(
        f"{name} is not valid", expected=f"a number from 0 to {_MAX_TIMES}", seen=f"{value!a:.40}"
    )
