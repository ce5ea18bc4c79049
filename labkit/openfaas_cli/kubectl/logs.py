"""``kubectl logs``: the log of a service's or a function's pod.

In the lab a deployment, its first pod and its container have one name. The
texts of errors are those of kubectl 1.32.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from labkit.errors import LabGoneError, NoLabError, ServiceError
from labkit.lifecycle.log_files import follow, log_path
from labkit.openfaas_cli.faas_cli.gateway import Gateway, normalise_url
from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.kubectl.errors import InvalidRequestError, ResourceNotFoundError
from labkit.openfaas_cli.pflag import Arguments, UsageError
from labkit.workspace import LabState, Workspace
from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.files.own_file import read_own

SERVICES = ("gateway", "inspector", "nats", "queue-worker")
SERVICE_NAMESPACE = "openfaas"
START_LAB = "start it in a terminal (labkit up) or in a notebook (Lab.start())"
_KINDS = ("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps")
_POD_KINDS = ("pod", "pods", "po")
_SELECTED_TAIL = 10
"""kubectl's --tail with a selector."""

Line = tuple[datetime | None, str]
"""A log line with its line feed, and its time if that is known."""


class LogSource:
    """What a command line of ``kubectl logs`` names."""

    def __init__(self, arguments: Arguments) -> None:
        """Read it.

        Raises:
            InvalidRequestError: It names nothing, or too much.
            ResourceNotFoundError: It names something that is never in a lab.
        """
        words, selector = arguments.words, arguments.text("selector")
        if len(words) > 2 or not (words or selector):
            raise InvalidRequestError(
                "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
                "POD or TYPE/NAME is a required argument for the logs command\n"
                "See 'kubectl logs -h' for help and examples"
            )
        if words and selector:
            raise InvalidRequestError(
                "only a selector (-l) or a POD name is allowed\nSee 'kubectl logs -h' for help and examples"
            )
        self.namespace = arguments.text("namespace")
        self.container = arguments.text("container") or (words[1] if len(words) == 2 else "")
        self.selected = bool(selector)
        if selector:
            label, _, self.name = selector.partition("=")
            self.name = self.name.removeprefix("=") if label in ("app", "faas_function") else ""
            return
        kind, slash, name = words[0].rpartition("/")
        if kind not in (*_KINDS, *_POD_KINDS) and slash:
            raise InvalidRequestError(f'the server doesn\'t have a resource type "{kind}"')
        self.kind = "pods" if kind in ("", *_POD_KINDS) else "deployments.apps"
        self.name = name

    def not_found(self, hint: str) -> ResourceNotFoundError:
        """Return the error for a name that is in no lab."""
        text = f'{self.kind} "{self.name}" not found in namespace "{self.namespace}"'
        return ResourceNotFoundError(f"error from server (NotFound): {text}", next_step=hint)


def show_logs(workspace: Workspace, state: LabState | None, arguments: Arguments) -> None:
    """Print a pod's log, a service's also after its lab has ended."""
    target = LogSource(arguments)
    now = datetime.now(UTC)
    since = _since(arguments, now)
    if arguments.number("tail") < -1:
        raise InvalidRequestError("--tail must be greater than or equal to -1")
    if arguments.given("limit-bytes") and arguments.number("limit-bytes") < 1:
        raise InvalidRequestError("--limit-bytes must be greater than 0")
    if target.namespace == DEFAULT_NAMESPACE:
        lines = _function_lines(state, target, arguments, since)
    else:
        lines = _service_lines(workspace, state, target, arguments, since)
    remaining = arguments.number("limit-bytes") or None
    for moment, text in lines:
        data = _format(target, arguments, moment or now, text).encode()[:remaining]
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        if remaining is not None:
            remaining -= len(data)
            if remaining <= 0:
                return


def _format(target: LogSource, arguments: Arguments, moment: datetime, text: str) -> str:
    if arguments.on("timestamps"):
        text = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z {text}"
    if arguments.on("prefix") or arguments.on("all-pods"):
        text = f"[pod/{target.name}/{target.name}] {text}"
    return text


def _since(arguments: Arguments, now: datetime) -> datetime | None:
    since, time_text = arguments.text("since"), arguments.text("since-time")
    if since and time_text:
        raise InvalidRequestError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if time_text:
        with suppress(ValueError):
            moment = datetime.fromisoformat(time_text)
            if "T" in time_text and moment.tzinfo:
                return moment
        layout = "2006-01-02T15:04:05Z07:00"
        raise InvalidRequestError(
            f'parsing time "{time_text}" as "{layout}": cannot parse "{time_text}" as "2006"'
        )
    if not since:
        return None
    try:
        return now - timedelta(seconds=parse_duration(since))
    except InvalidValueError as error:
        raise UsageError(
            f'invalid argument "{since}" for "--since" flag: time: invalid duration "{since}"'
        ) from error


def _check_container(target: LogSource, arguments: Arguments) -> None:
    name = target.name
    if target.container not in ("", name):
        raise InvalidRequestError(f"container {target.container} is not valid for pod {name} out of: {name}")
    if arguments.on("previous"):
        raise InvalidRequestError(
            "Error from server (BadRequest): previous terminated container "
            f'"{name}" in pod "{name}" not found',
            next_step="a service that was started again goes on with the same log",
        )


def _tail(target: LogSource, arguments: Arguments) -> int:
    """Return the number of lines; all if below 0."""
    if target.selected and not arguments.given("tail"):
        return _SELECTED_TAIL
    return arguments.number("tail")


def _service_lines(
    workspace: Workspace,
    state: LabState | None,
    target: LogSource,
    arguments: Arguments,
    since: datetime | None,
) -> Iterator[Line]:
    if target.name.rpartition("-")[0] != "queue-worker" and target.name not in SERVICES:
        if target.selected:
            warn(f"No resources found in {target.namespace} namespace.")
            return
        hint = f"for a function's log: kubectl logs deployment/{target.name} -n {DEFAULT_NAMESPACE}"
        raise target.not_found(f"one of: {', '.join(SERVICES)}; {hint}")
    _check_container(target, arguments)
    try:
        file = log_path(workspace, target.name)
    except ServiceError as error:
        raise NoLabError(next_step=START_LAB) from error
    with read_own(file) as log:
        data = log.read()
    begin = datetime.fromtimestamp(state.started_ns // 10**9, UTC) if state else None
    lines = _lines(data.decode("utf-8", "replace"))
    chosen = select(lines, _tail(target, arguments), since, begin)
    # A line without a time has that of the line before, also of one that is
    # not shown.
    yield from list(_with_times(lines))[len(lines) - len(chosen) :]
    if arguments.on("follow"):
        with suppress(LabGoneError):  # a pod's log, too, ends with the pod
            for text in follow(file, len(data), _lab_wait(workspace)):
                yield from _with_times(_lines(text))


def _lines(text: str) -> list[str]:
    """Return lines with their ends: only LF ends one."""
    return list(io.StringIO(text, newline="\n"))


def _with_times(lines: Iterable[str]) -> Iterator[Line]:
    """Yield each line with its own time, or that of the line before."""
    moment = None
    for line in lines:
        moment = line_time(line) or moment
        yield moment, line


def _function_lines(
    state: LabState | None, target: LogSource, arguments: Arguments, since: datetime | None
) -> Iterator[Line]:
    if state is None:
        raise NoLabError(next_step=START_LAB)
    _check_container(target, arguments)
    from labkit.openfaas_cli.faas_cli.verbs.logs import messages, open_logs  # YAML, for functions only

    reply = open_logs(
        Gateway(normalise_url(state.gateway_url)),
        target.name,
        # From its beginning, like kubectl; without `since` the provider
        # returns the last 5 minutes.
        since=f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if since else "1970-01-01T00:00:00Z",
        tail=str(_tail(target, arguments)),
        follow=arguments.on("follow"),
    )
    for message in messages(reply):
        moment = line_time(str(message.get("timestamp", "")))
        yield moment, str(message.get("text", "")).rstrip("\n") + "\n"


def _lab_wait(workspace: Workspace) -> Callable[[float], None]:
    """Return a function that waits for new lines while the lab runs."""
    gone = False

    def wait(seconds: float) -> None:
        nonlocal gone
        if gone:
            raise LabGoneError
        gone = not workspace.is_locked()  # the log is read once more, to its end
        if not gone:
            time.sleep(seconds)

    return wait


def select(
    lines: Sequence[str], tail: int, since: datetime | None = None, begin: datetime | None = None
) -> Sequence[str]:
    """Return the last ``tail`` lines since a time; all if ``tail`` is below 0.

    The log starts with the running lab, at ``begin``, as a pod's starts with
    the pod.
    """
    if limits := [limit for limit in (since, begin) if limit]:
        lines = younger(lines, max(limits))
    return lines if tail < 0 else lines[len(lines) - min(tail, len(lines)) :]


def younger(lines: Sequence[str], limit: datetime) -> Sequence[str]:
    """Return the lines after the last one that is older than ``limit``.

    The queue-worker's lines have no time. Whether one is older is known only
    if a line with a time follows it; in doubt, a line is included.
    """
    start = 0
    for index, line in enumerate(lines):
        moment = line_time(line)
        if moment is not None and moment < limit:
            start = index + 1
    return lines[start:]


def line_time(line: str) -> datetime | None:
    """Return the time at the start of a log line, or None.

    Services write RFC 3339 (``2026-01-02T15:04:05Z``), nats-server
    ``2026/01/02 15:04:05`` in UTC.
    """
    words = line.removeprefix("[").split(" ", 3)
    for text in (words[0], " ".join(words[:2]), " ".join(words[1:3])):
        try:
            moment = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            continue
        if len(text) > len("2026-01-02"):
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
