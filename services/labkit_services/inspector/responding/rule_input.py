"""Rules as JSON: validated, with a clear error for each mistake. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import whole_number
from labkit_services.http.headers import HOP_BY_HOP, NOT_FORWARDED, Pair
from labkit_services.inspector.queries.matching import FIELDS, check_conditions
from labkit_services.inspector.responding.delays import MAX_DELAY_SECONDS, parse_delay
from labkit_services.inspector.responding.rules import ResponseRule, RuleStep
from labkit_services.inspector.responding.statuses import WITHOUT_BODY, check_status
from labkit_services.inspector.responding.templates import placeholders, unknown_placeholders

MAX_BODY = 1024 * 1024
_MAX_RULES, _MAX_STEPS, _MAX_TIMES = 100, 100, 1_000_000
MAX_HEADER_BYTES = 16 * 1024
_MAX_HEADERS = 100
_STEP_FIELDS = ("status", "headers", "body", "body_base64", "template", "delay", "jitter", "times")
_RULE_FIELDS = ("name", "method", "when", *_STEP_FIELDS, "then")
_CONDITIONS = tuple(name for name in FIELDS if name != "status")
"""A rule chooses the status, so it can't depend on it."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}")
"""A method or a header name (RFC 9110 §5.6.2)."""
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = HOP_BY_HOP | {"content-length"}
_OWN = frozenset({"date", "host", "x-bin-id", "x-request-id", "x-bin-created", "clear-site-data"})
_OWN_COOKIES = "labkit_"


def parse_rules(document: object) -> tuple[ResponseRule, ...]:
    """Parse a list of rules; an invalid one raises InvalidValueError."""
    if not isinstance(document, list | tuple):
        raise InvalidValueError("the rules are not a list", expected="a list of rules", seen=_seen(document))
    if len(document) > _MAX_RULES:
        raise InvalidValueError("too many rules", expected=f"at most {_MAX_RULES}", seen=str(len(document)))
    return tuple(_parse_rule(rule, f"rule {number}") for number, rule in enumerate(document, 1))


def parse_step(document: object, name: str = "response") -> RuleStep:
    """Parse one response, such as an answer by hand."""
    fields = _object(document, name, _STEP_FIELDS)
    status = check_status(f"{name}.status", fields.get("status", 200))
    headers = _parse_headers(fields.get("headers", {}), name)
    body, content_type = _parse_body(fields, name)
    if content_type and not any(header.lower() == "content-type" for header, _ in headers):
        headers = (("Content-Type", content_type), *headers)
    if body and status in WITHOUT_BODY:
        raise InvalidValueError(
            f"{name}: a response with status {status} has no body",
            expected="no body, or another status",
            seen=f"{len(body)} bytes",
        )
    template = fields.get("template", False)
    if not isinstance(template, bool):
        raise InvalidValueError(f"{name}.template is neither true nor false", seen=_seen(template))
    if template and "body_base64" in fields:
        raise InvalidValueError(f"{name}: a template is text", expected="body, not body_base64")
    delay = parse_delay(f"{name}.delay", fields.get("delay", 0))
    jitter = parse_delay(f"{name}.jitter", fields.get("jitter", 0))
    if delay + jitter > MAX_DELAY_SECONDS:
        raise InvalidValueError(
            f"{name}: delay and jitter together are too long",
            expected=f"at most {MAX_DELAY_SECONDS:g} seconds",
            seen=f"{delay + jitter:g} seconds",
        )
    times = fields.get("times")
    if times is not None:
        times = whole_number(f"{name}.times", times, _MAX_TIMES)
    return RuleStep(status, headers, body, template, delay, jitter, times)


def warnings(rules: tuple[ResponseRule, ...]) -> list[str]:
    """Return what is valid, but probably not what was meant."""
    found: list[str] = []
    for rule in rules:
        for step in rule.steps:
            text = "\n".join(
                [*(value for _, value in step.headers), (step.body or b"").decode(errors="replace")]
            )
            if step.template:
                found += [
                    f"{rule.name}: {{{{{name}}}}} is unknown and stays as it is"
                    for name in unknown_placeholders(text)
                ]
            elif any(name not in unknown_placeholders(text) for name in placeholders(text)):
                found.append(f"{rule.name}: it contains placeholders, but template is not true")
    return list(dict.fromkeys(found))


def check_method(method: object, name: str) -> str:
    """Return a method in capital letters."""
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        raise InvalidValueError(f"{name} is not an HTTP method", expected="such as POST", seen=_seen(method))
    return method.upper()


def _parse_rule(document: object, default_name: str) -> ResponseRule:
    fields = _object(document, default_name, _RULE_FIELDS)
    name = fields.get("name", default_name)
    if not isinstance(name, str) or not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidValueError(
            f"{default_name}: invalid name", expected="1 to 80 printable characters", seen=_seen(name)
        )
    method = fields.get("method", "")
    then = fields.get("then", [])
    if not isinstance(then, list) or len(then) >= _MAX_STEPS:
        raise InvalidValueError(
            f"{default_name}.then is not a list of responses",
            expected=f"a list of at most {_MAX_STEPS - 1} responses, such as [503, 200]",
            seen=_seen(then),
        )
    first = {key: value for key, value in fields.items() if key in _STEP_FIELDS}
    steps = [parse_step(first, default_name)]
    for number, step in enumerate(then, 2):
        # [503, 200] is short for [{"status": 503}, {"status": 200}].
        document = {"status": step} if isinstance(step, int) else step
        steps.append(parse_step(document, f"{default_name}, step {number}"))
    return ResponseRule(
        name=name,
        method=check_method(method, f"{default_name}.method") if method != "" else "",
        when=check_conditions(fields.get("when", {}), _CONDITIONS),
        steps=(*map(_once, steps[:-1]), steps[-1]),
    )


def _once(step: RuleStep) -> RuleStep:
    """Return a step that another follows: without ``times``, it is one use."""
    return step if step.times is not None else replace(step, times=1)


def _object(document: object, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidValueError(
            f"{name} is not an object", expected='such as {"status": 503}', seen=_seen(document)
        )
    if unknown := document.keys() - set(known):
        raise InvalidValueError(
            f"{name} has an unknown field: {min(unknown)[:80]!a}", expected="one of " + ", ".join(known)
        )
    return document


def _parse_headers(document: object, name: str) -> tuple[Pair, ...]:
    pairs = list(document.items()) if isinstance(document, dict) else document
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
        for pair in pairs
    ):
        raise InvalidValueError(
            f"{name}.headers are not headers",
            expected='{"X-Name": "value"} or [["X-Name", "value"]]',
            seen=_seen(document),
        )
    size = sum(len(header) + len(value.encode()) for header, value in pairs)
    if len(pairs) > _MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise InvalidValueError(
            f"{name}.headers are too large",
            expected=f"at most {_MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes",
            seen=f"{len(pairs)} headers with {size} bytes",
        )
    return tuple(
        (check_header_name(header, name), _wire_value(header, value, name)) for header, value in pairs
    )


def check_header_name(header: str, name: str) -> str:
    """Return the name of a header that a rule may set."""
    if not _TOKEN.fullmatch(header):
        raise InvalidValueError(
            f"{name}: this is not a header's name", expected="such as X-Name", seen=ascii(header[:80])
        )
    if header.lower() in _FRAMING:
        raise InvalidValueError(
            f"{name}: the header {header} can't be set: it belongs to the connection",
            expected="any header but " + ", ".join(sorted(_FRAMING)),
        )
    if header.lower() in _OWN:
        raise InvalidValueError(
            f"{name}: the header {header} can't be set: it is the inspector's own",
            expected="any header but " + ", ".join(sorted(_OWN)),
        )
    return header


def check_request_header(header: object, value: object) -> str:
    """Return the name of a header that a replay may set to ``value``."""
    if not isinstance(header, str) or not _TOKEN.fullmatch(header):
        raise InvalidValueError("this is not a header's name", expected="such as X-Name", seen=_seen(header))
    if header.lower() in NOT_FORWARDED:
        raise InvalidValueError(
            f"the header {header} can't be set: it belongs to the connection",
            expected="any header but " + ", ".join(sorted(NOT_FORWARDED)),
        )
    if value is not None and (not isinstance(value, str) or _CONTROL.search(value)):
        raise InvalidValueError(
            f"the header {header} is not text in one line", expected="a text, or null", seen=_seen(value)
        )
    return header


def _wire_value(header: str, value: str, name: str) -> str:
    if _CONTROL.search(value):
        raise InvalidValueError(
            f"{name}: the header {header} contains a control character",
            expected="text in one line",
            seen=ascii(value[:80]),
        )
    if header.lower() == "set-cookie" and value.strip().lower().startswith(_OWN_COOKIES):
        raise InvalidValueError(
            f"{name}: the cookie would replace one of the lab's own",
            expected=f"a name that does not begin with {_OWN_COOKIES}",
        )
    return to_wire(value)


def to_wire(value: str) -> str:
    """Return a header's text as latin-1 characters, each a byte of UTF-8.

    Control characters become blanks: no text can add a header.
    """
    return _CONTROL.sub(" ", value).encode("utf-8", "replace").decode("latin-1").strip(" \t")


def _parse_body(fields: dict[str, Any], name: str) -> tuple[bytes | None, str]:
    """Return body and content type; None and "" if there is no body."""
    if "body" in fields and "body_base64" in fields:
        raise InvalidValueError(f"{name} has two bodies", expected="body or body_base64")
    if "body_base64" in fields:
        body, content_type = decode_base64(fields["body_base64"], name), "application/octet-stream"
    elif (value := fields.get("body")) is None:
        return None, ""
    elif isinstance(value, str):
        body, content_type = value.encode(), "text/plain; charset=utf-8"
    else:
        body, content_type = encode(value).encode(), "application/json"
    if len(body) > MAX_BODY:
        raise InvalidValueError(
            f"{name}: the body is too large", expected=f"at most {MAX_BODY} bytes", seen=f"{len(body)} bytes"
        )
    return body, content_type


def decode_base64(text: object, name: str) -> bytes:
    """Return the bytes of ``body_base64``."""
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidValueError(f"{name}.body_base64 is not base64", seen=_seen(text))


def _seen(value: object) -> str:
    return ascii(value)[:80]
