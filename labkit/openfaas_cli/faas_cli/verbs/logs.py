"""faas-cli logs: the output of a function's replicas."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import Gateway, normalise_url, status_error
from labkit.openfaas_cli.faas_cli.go_decode import parse
from labkit.openfaas_cli.faas_cli.go_time import (
    LAYOUTS,
    RFC3339,
    ZERO,
    Moment,
    check_duration,
    check_time,
    format_time,
    parse_time,
)
from labkit.openfaas_cli.faas_cli.http import HttpReply
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.durations import parse_duration


def open_logs(gateway: Gateway, name: str, *, follow: bool, **query: str) -> HttpReply:
    """Request a function's log, a stream of JSON objects, one a line.

    ``query`` may have ``namespace``, ``since`` (a RFC 3339 time) and ``tail``
    (the number of the newest lines; all of them if not above 0).
    """
    pairs = [("follow", str(follow).lower()), ("name", name), *query.items()]
    try:
        reply = gateway.system("GET", "/system/logs", query=pairs, timeout=None if follow else 60.0)
        if reply.status == 200:
            return reply
        body = reply.read()
    except OSError as error:
        raise gateway.unreachable(error) from error
    raise status_error(reply.status, body)


def messages(blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream; like the real one, skip the rest."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from _decode(lines)
    yield from _decode([rest])


def since_time(since: str, now: datetime) -> str:
    """Return the RFC 3339 time a duration before ``now``; "" for "" and 0."""
    seconds = parse_duration(since.lstrip("+-")) if since else 0.0
    if not seconds:
        return ""
    moment = now + timedelta(seconds=seconds if since.startswith("-") else -seconds)
    return format_time(Moment(moment), RFC3339)


def format_message(
    message: dict[str, Any], output: str, *, layout: str = RFC3339, name: bool = False, instance: bool = False
) -> str:
    """Return one message as ``json``, ``keyvalue`` or else plain text.

    ``layout`` is Go's layout of the time; empty for no time.
    """
    moment = _moment(str(message.get("timestamp", "")))
    if output == "json":
        fields = {key: str(message.get(key, "")) for key in ("name", "namespace", "instance")}
        stamp = format_time(moment, LAYOUTS["rfc3339nano"])
        return go_json.compact({**fields, "timestamp": stamp, "text": str(message.get("text", ""))})
    text = str(message.get("text", ""))
    pairs = [("timestamp", format_time(moment, layout))] if layout else []
    pairs += [("name", str(message.get("name", "")))] if name else []
    pairs += [("instance", str(message.get("instance", "")))] if instance else []
    if output == "keyvalue":  # the real one ends the line with a space, too
        return "".join(f'{key}="{value}" ' for key, value in [*pairs, ("text", text.rstrip("\n"))])
    words = [f"({value})" if key == "instance" else value for key, value in pairs]
    return " ".join([*words, text]).rstrip("\n")


def _moment(timestamp: str) -> Moment:
    try:
        return parse_time(timestamp)
    except ValueError:
        return ZERO


def _decode(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            message = parse(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def _run(arguments: Arguments) -> None:
    function = arguments.first_word("function name is required")
    if len(arguments.words) > 1:
        raise UsageError(f"accepts at most 1 arg(s), received {len(arguments.words)}")
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    if arguments.given("gateway"):  # the only verb for which the default's URL counts as given
        gateway = Gateway(
            normalise_url(arguments.text("gateway")),
            verify=not arguments.on("tls-no-verify"),
            token=arguments.text("token"),
        )
    if not arguments.on("json"):
        gateway.warn_of_plain_http()
    since = since_time(arguments.text("since"), datetime.now(UTC).astimezone())
    if given := arguments.text("since-time"):
        since = format_time(parse_time(given), RFC3339)
    lines = arguments.number("lines")
    reply = open_logs(
        gateway,
        function,
        namespace=arguments.text("namespace"),
        since=since,
        tail=str(lines) if lines else "",
        follow=arguments.on("tail"),
    )
    for message in messages(reply):
        line = format_message(
            message,
            "json" if arguments.on("json") else arguments.text("output"),
            layout=arguments.text("time-format"),
            name=arguments.on("name"),
            instance=arguments.on("instance"),
        )
        echo(line)
        sys.stdout.flush()


def _check_output(text: str) -> str:
    if text.lower() not in ("plain", "keyvalue", "json"):
        raise ValueError(f"unknown log format: '{text}'")
    return text  # as in the real one, `JSON` is accepted and means plain


def _check_layout(text: str) -> str:
    return LAYOUTS.get(text.lower(), text)


COMMAND = Verb(
    "Print a function's logs",
    _run,
    words="FUNCTION_NAME",
    flags=(
        ENVSUBST,
        *GATEWAY_FLAGS,
        Flag("instance", "", False, "Print the replica's name"),
        Flag("json", "j", False, "The same as --output=json"),
        Flag("lines", "", -1, "Number of the newest lines; all if not above 0"),
        Flag("name", "", False, "Print the function's name"),
        NAMESPACE,
        Flag("output", "o", "", "plain, keyvalue or json", _check_output),
        Flag("since", "", "", "Only lines younger than a duration such as 5m", check_duration),
        Flag("since-time", "", "", "Only lines younger than a time (RFC 3339)", check_time),
        Flag("tail", "t", True, "Follow new lines until the gateway ends the request"),
        Flag("time-format", "", RFC3339, "Go's layout of the time, or empty for no time", _check_layout),
    ),
    examples=("faas-cli logs figlet --tail=false", "faas-cli logs figlet --tail=false --since=10m"),
)
