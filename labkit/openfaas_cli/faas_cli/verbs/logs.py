"""faas-cli logs: the output of a function's replicas."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, normalise_url, status_error
from labkit.openfaas_cli.faas_cli.http import HttpReply
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.verb import GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.durations import parse_duration

_TIME_FORMAT = "2006-01-02T15:04:05Z07:00"
_MESSAGE = (
    *(go_json.Field(name, "") for name in ("name", "namespace", "instance")),
    go_json.Field("timestamp", go_json.NO_TIME),
    go_json.Field("text", ""),
)


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
    except (OSError, EOFError) as error:
        raise gateway.unreachable(error) from error
    if reply.status in (404, 501):
        raise GatewayRequestError(f"No such function: {name}")
    raise status_error(reply.status, body)


def messages(blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a stream; like the real one, skip the rest."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from _decode(lines)
    yield from _decode([rest])


def since_time(since: str, now: datetime) -> str:
    """Return the RFC 3339 time a Go duration before ``now``; "" for ""."""
    if not since:
        return ""
    return (now - timedelta(seconds=parse_duration(since))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_message(
    message: dict[str, Any], output: str, *, show_time: bool, name: bool, instance: bool
) -> str:
    """Return one message as ``plain``, ``keyvalue`` or ``json``."""
    if output == "json":
        written = go_json.struct(_MESSAGE, message)
        return go_json.compact(written | {"timestamp": go_json.go_time(str(written["timestamp"]))})
    text = str(message.get("text", "")).rstrip("\n")
    fields = [
        ("timestamp", _whole_seconds(str(message.get("timestamp", ""))), show_time),
        ("name", message.get("name", ""), name),
        ("instance", message.get("instance", ""), instance),
    ]
    pairs = [(key, value) for key, value, shown in fields if shown]
    if output == "keyvalue":
        return "".join(f'{key}="{value}" ' for key, value in [*pairs, ("text", text)])
    return " ".join([*(f"({value})" if key == "instance" else str(value) for key, value in pairs), text])


def _whole_seconds(timestamp: str) -> str:
    """Return a time without its fraction, like Go's ``time.RFC3339``."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _decode(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            message = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def _run(arguments: Arguments) -> None:
    function = arguments.first_word("function name is required")
    if len(arguments.words) > 1:
        raise UsageError(f"accepts at most 1 arg(s), received {len(arguments.words)}")
    output = "json" if arguments.on("json") else arguments.text("output")
    if output not in ("plain", "keyvalue", "json"):
        raise UsageError(f"unknown log format: {output}", expected="plain, keyvalue or json")
    if arguments.text("time-format") not in ("", _TIME_FORMAT):
        raise UsageError("the lab prints RFC 3339 times only", expected=f'"{_TIME_FORMAT}" or ""')
    gateway = Gateway.of(arguments)
    if arguments.given("gateway"):  # the only verb for which the default's URL counts as given
        gateway.url = normalise_url(arguments.text("gateway"))
    if not arguments.on("json"):
        gateway.warn_of_plain_http()
    reply = open_logs(
        gateway,
        function,
        namespace=arguments.text("namespace"),
        since=arguments.text("since-time") or since_time(arguments.text("since"), datetime.now(UTC)),
        tail=str(arguments.number("lines")),
        follow=arguments.on("tail"),
    )
    for message in messages(reply):
        line = format_message(
            message,
            output,
            show_time=bool(arguments.text("time-format")),
            name=arguments.on("name"),
            instance=arguments.on("instance"),
        )
        echo(line)
        sys.stdout.flush()


COMMAND = Verb(
    "Print a function's logs",
    _run,
    words="FUNCTION_NAME",
    flags=(
        *GATEWAY_FLAGS,
        Flag("instance", "", False, "Print the replica's name"),
        Flag("json", "j", False, "The same as --output=json"),
        Flag("lines", "", -1, "Number of the newest lines; all if not above 0"),
        Flag("name", "", False, "Print the function's name"),
        NAMESPACE,
        Flag("output", "o", "plain", "plain, keyvalue or json"),
        Flag("since", "", "", "Only lines younger than a duration such as 5m"),
        Flag("since-time", "", "", "Only lines younger than a time (RFC 3339)"),
        Flag("tail", "t", True, "Follow new lines until the gateway ends the request"),
        Flag("time-format", "", _TIME_FORMAT, "Go's layout of RFC 3339, or empty for no time"),
    ),
    examples=("faas-cli logs figlet --tail=false", "faas-cli logs figlet --tail=false --since=10m"),
)
