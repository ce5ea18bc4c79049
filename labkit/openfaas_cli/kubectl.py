"""kubectl: a work-alike of ``kubectl logs`` for services and functions.

The lab has no Kubernetes; its services are processes that write log files.
This program handles ``kubectl logs deployment/NAME -n openfaas`` (``-n
openfaas-fn`` for functions), as the lab text uses it. Anything else is for a
real kubectl.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from labkit.errors import LabGoneError, NoLabError, ServiceError
from labkit.lifecycle.log_files import follow, log_path
from labkit.openfaas_cli.exit_code import exit_code
from labkit.openfaas_cli.faas_cli.gateway import Gateway, normalise_url
from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.faas_cli.verbs.logs import messages, open_logs, since_time
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError, parse
from labkit.openfaas_cli.real_program import find_real
from labkit.workspace import LabState, Workspace
from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_SERVICES = ("gateway", "inspector", "nats", "queue-worker")
_SERVICE_NAMESPACE = "openfaas"
_START_LAB = "start it in a terminal (labkit up) or in a notebook (Lab.start())"
_KINDS = ("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps")

_FLAGS = (
    Flag("follow", "f", False, "Follow new lines"),
    Flag("namespace", "n", "default", "openfaas for the lab's services, openfaas-fn for functions"),
    Flag("since", "", "", "Only lines younger than a duration such as 5m"),
    Flag("tail", "", -1, "Number of the newest lines; all if below 0"),
)


class NotInLabError(LabError):
    """The lab does not support this command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: _run(words), lambda error: warn(f"error: {error}"))


def _run(words: Sequence[str]) -> None:
    target = logs_target(words)
    workspace = Workspace.find()
    state = workspace.read_state()
    if target is None or (state is None and find_real("kubectl")):
        _run_real_kubectl(words)
    else:
        show_logs(workspace, state, *target)


def logs_target(arguments: Sequence[str]) -> tuple[str, Arguments] | None:
    """Return the deployment and the flags; None is for a real kubectl."""
    try:
        flags = parse(_FLAGS, arguments)
    except UsageError:
        return None  # a flag of the real one only
    if flags.text("namespace") not in (_SERVICE_NAMESPACE, DEFAULT_NAMESPACE):
        return None
    if len(flags.words) != 2 or flags.words[0] != "logs":
        return None
    kind, slash, name = flags.words[1].partition("/")
    return (name, flags) if slash and kind in _KINDS and name else None


def show_logs(workspace: Workspace, state: LabState | None, name: str, flags: Arguments) -> None:
    """Print a deployment's log, a service's also after its lab has ended."""
    if flags.text("namespace") == DEFAULT_NAMESPACE:
        _show_function_log(state, name, flags)
        return
    if name not in _SERVICES:
        raise NotInLabError(
            f'deployments.apps "{name}" not found',
            expected=f"with -n {_SERVICE_NAMESPACE} one of: {', '.join(_SERVICES)}",
            next_step=f"for a function's log: kubectl logs deployment/{name} -n {DEFAULT_NAMESPACE}",
        )
    try:
        file = log_path(workspace, name)
    except ServiceError as error:
        raise NoLabError(next_step=_START_LAB) from error
    data = file.read_bytes()
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    begin = datetime.fromtimestamp(state.started_ns // 10**9, UTC) if state else None
    _write("".join(select(lines, flags, datetime.now(UTC), begin)))
    if flags.on("follow"):
        with suppress(LabGoneError):  # a pod's log, too, ends with the pod
            for text in follow(file, len(data), _lab_wait(workspace)):
                _write(text)


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


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def select(
    lines: Sequence[str], flags: Arguments, now: datetime, begin: datetime | None = None
) -> Sequence[str]:
    """Return the lines that ``--since`` and ``--tail`` select at ``now``.

    The log starts with the running lab, at ``begin``, as a pod's starts with
    the pod.
    """
    limits = [begin] if begin else []
    if flags.text("since"):
        limits.append(now - timedelta(seconds=parse_duration(flags.text("since"))))
    if limits:
        lines = younger(lines, max(limits))
    count = flags.number("tail")
    return lines if count < 0 else lines[len(lines) - min(count, len(lines)) :]


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


def _show_function_log(state: LabState | None, name: str, flags: Arguments) -> None:
    if state is None:
        raise NoLabError(next_step=_START_LAB)
    now = datetime.now(UTC)
    reply = open_logs(
        Gateway(normalise_url(state.gateway_url)),
        name,
        # From its beginning, like kubectl; without `since` the provider
        # returns the last 5 minutes.
        since=since_time(flags.text("since"), now) or "1970-01-01T00:00:00Z",
        tail=str(flags.number("tail")),
        follow=flags.on("follow"),
    )
    for message in messages(reply):
        _write(str(message.get("text", "")).rstrip("\n") + "\n")


def _run_real_kubectl(arguments: Sequence[str]) -> None:
    """Become the real kubectl."""
    program = find_real("kubectl")
    if program is None:
        raise NotInLabError(
            "the lab runs without Kubernetes, and there is no kubectl on PATH",
            seen=f"kubectl {' '.join(arguments)}",
            expected=f"kubectl logs deployment/NAME -n {_SERVICE_NAMESPACE} [-f] [--tail N] [--since D]",
            next_step=f"NAME is one of: {', '.join(_SERVICES)}; or a function, with -n {DEFAULT_NAMESPACE}",
        )
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point
