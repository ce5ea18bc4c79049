"""Conditions on a captured request, and how a request differs from them.

Rules (``when``), waits and verifications (``match``) use the same conditions:

    {"method": "POST", "subpath": "/orders/*", "query": {"n": "1"},
     "headers": {"X-Kind": {"contains": "a"}}, "body": "text that it contains",
     "json": {"a": 1}, "function": "figlet", "function_status": 200,
     "call_id": "…", "status": 200}

A value is the one that is expected, or an object with one of ``equals``,
``contains``, ``starts_with``, ``present``. A path may end with ``*``. A body
given as text need only contain it; ``json`` need only contain the fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.contract.names import short_function_name
from labkit_services.contract.wire_text import readable
from labkit_services.http import Headers
from labkit_services.inspector.records.received_callback import CallbackHeaders
from labkit_services.inspector.records.request_record import RequestRecord

_OPERATORS = ("equals", "contains", "starts_with", "present")
_TEXTS = ("method", "path", "subpath", "content_type", "body", "function", "call_id")
_MAPPINGS = ("query", "headers", "header")
_STATUSES = ("function_status", "status")
FIELDS = (*_TEXTS, *_MAPPINGS, *_STATUSES, "json")
"""The fields of conditions."""
_SHOWN = 120
"""Characters of a value in a sentence."""
_NO_CALLBACK = CallbackHeaders()
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a request does not match: one condition that it fails.

    Attributes:
        field: ``method``, ``headers.X-Kind``, ``json.items[0].name`` …
        expected: The condition's value.
        seen: The request's value; None if it has none.
    """

    field: str
    expected: Any
    seen: Any

    @property
    def sentence(self) -> str:
        """``headers.X-Kind was 'b', expected 'a'``."""
        seen = "missing" if self.seen is None else _shown(self.seen)
        return f"{self.field} was {seen}, expected {_shown_condition(self.expected)}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields and the sentence."""
        seen = self.seen[:2000] if isinstance(self.seen, str) else self.seen
        return {"field": self.field, "expected": self.expected, "seen": seen, "sentence": self.sentence}


def check_conditions(conditions: object, fields: tuple[str, ...] = FIELDS) -> dict[str, Any]:
    """Return conditions if they are valid; else raise InvalidValueError."""
    if not isinstance(conditions, dict):
        raise InvalidValueError(
            "the conditions are not an object", expected='such as {"method": "POST"}', seen=_shown(conditions)
        )
    if unknown := conditions.keys() - set(fields):
        raise InvalidValueError(
            f"unknown condition: {min(unknown)[:80]!a}", expected="one of " + ", ".join(fields)
        )
    for name, value in conditions.items():
        if name in _MAPPINGS:
            if not isinstance(value, dict):
                raise InvalidValueError(
                    f"{name} is not an object", expected='such as {"name": "value"}', seen=_shown(value)
                )
            for key, wanted in value.items():
                _check_value(f"{name}.{key[:80]}", wanted)
        elif name in _STATUSES:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 999:
                raise InvalidValueError(
                    f"{name} is not a status", expected="a number such as 200", seen=_shown(value)
                )
        elif name != "json":
            _check_value(name, value)
    return conditions


def match(record: RequestRecord, conditions: dict[str, Any]) -> list[Difference]:
    """Return what keeps a request from matching; nothing if it matches.

    ``conditions`` are those of ``check_conditions``.
    """
    differences: list[Difference] = []
    for name, wanted in conditions.items():
        differences += _compare_field(record, name, wanted)
    return differences


def _compare_field(record: RequestRecord, name: str, wanted: Any) -> list[Difference]:
    request = record.request
    match name:
        case "query":
            parameters = parse_qs(readable(request.query), keep_blank_values=True)
            return _compare_mapping("query", wanted, lambda key: parameters.get(key, []))
        case "headers" | "header":
            headers = Headers(request.headers)
            return _compare_mapping("headers", wanted, lambda key: list(map(readable, headers.get_all(key))))
        case "json":
            return _compare_json(_body_json(request.body), wanted, "json")
        case "status":
            return _compare_number(name, wanted, record.response.status if record.response else None)
        case "function_status":
            return _compare_number(name, wanted, (request.callback or _NO_CALLBACK).status)
    return _compare_text(name, _condition(name, wanted), _texts(record, name))


def _condition(name: str, wanted: Any) -> Any:
    """Return what a text alone means as a condition on the field."""
    if not isinstance(wanted, str):
        return wanted
    if name == "body":
        return {"contains": wanted}
    if name in ("path", "subpath") and wanted.endswith("*"):
        return {"starts_with": wanted[:-1]}
    if name == "function":
        return short_function_name(wanted)
    return wanted.upper() if name == "method" else wanted


def _texts(record: RequestRecord, name: str) -> list[str]:
    """Return the values of a field of texts; none if the request lacks it."""
    request, callback = record.request, record.request.callback or _NO_CALLBACK
    match name:
        case "method":
            return [request.method.upper()]
        case "path":
            return [readable(request.path)]
        case "subpath":
            return [readable(request.subpath)]
        case "body":
            return [request.body.decode("utf-8", "replace")]
        case "content_type":
            return list(map(readable, Headers(request.headers).get_all("Content-Type")))
        case "function":
            return [callback.function] if callback.function else []
    return [readable(callback.call_id)] if callback.call_id else []


def _compare_number(name: str, wanted: int, seen: int | None) -> list[Difference]:
    return [] if seen == wanted else [Difference(name, wanted, seen)]


def _compare_mapping(
    name: str, wanted: dict[str, Any], values: Callable[[str], list[str]]
) -> list[Difference]:
    differences: list[Difference] = []
    for key, condition in wanted.items():
        differences += _compare_text(f"{name}.{key}", condition, values(key))
    return differences


def _compare_text(field: str, condition: Any, values: list[str]) -> list[Difference]:
    """Compare; a field that came several times matches by any of them."""
    if any(_fits(value, condition) for value in values):
        return []
    if isinstance(condition, dict) and condition.get("present") is False and not values:
        return []
    expected = condition.get("equals", condition) if isinstance(condition, dict) else condition
    return [Difference(field, expected, ", ".join(values) if values else None)]


def _fits(value: str, condition: Any) -> bool:
    if not isinstance(condition, dict):
        return bool(value == condition)
    operator, wanted = next(iter(condition.items()))
    match operator:
        case "contains":
            return str(wanted) in value
        case "starts_with":
            return value.startswith(str(wanted))
        case "present":
            return wanted is True
    return bool(value == wanted)


def _check_value(name: str, value: object) -> None:
    if isinstance(value, str):
        return
    if isinstance(value, dict) and len(value) == 1:
        operator, wanted = next(iter(value.items()))
        if operator in _OPERATORS and isinstance(wanted, bool if operator == "present" else str):
            return
    raise InvalidValueError(
        f"{name} is no condition",
        expected='a text, or an object such as {"contains": "text"}; also '
        "equals, starts_with and present (true or false)",
        seen=_shown(value),
    )


def _body_json(body: bytes) -> Any:
    try:
        return read_json(body)
    except InvalidJsonError:
        return _MISSING


def _compare_json(seen: Any, wanted: Any, path: str) -> list[Difference]:
    """Compare what ``wanted`` has; ``seen`` may have more fields."""
    if isinstance(wanted, dict) and isinstance(seen, dict):
        differences: list[Difference] = []
        for key, value in wanted.items():
            differences += _compare_json(seen.get(key, _MISSING), value, f"{path}.{key}")
        return differences
    if isinstance(wanted, list) and isinstance(seen, list) and len(wanted) == len(seen):
        differences = []
        for index, (one, other) in enumerate(zip(seen, wanted, strict=True)):
            differences += _compare_json(one, other, f"{path}[{index}]")
        return differences
    # In Python True equals 1, in JSON it does not.
    if seen == wanted and isinstance(seen, bool) == isinstance(wanted, bool):
        return []
    return [Difference(path, wanted, None if seen is _MISSING else seen)]


def _shown_condition(condition: Any) -> str:
    if isinstance(condition, dict) and len(condition) == 1:
        operator, wanted = next(iter(condition.items()))
        if operator == "present":
            return "any value" if wanted is True else "none"
        if operator in _OPERATORS:
            return f"a value that {operator.replace('_', ' ')} {_shown(wanted)}"
    return _shown(condition)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
