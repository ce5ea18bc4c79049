"""kubectl logs without Kubernetes: the command line and log files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labkit.openfaas_cli.kubectl import line_time, logs_target, main, select, younger

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
LINES = [
    "2026-01-02T09:00:00Z info queue-worker: ready\n",
    "[#1] Invoked: old [200] in 1.000000s\n",
    "2026-01-02T11:00:00Z info queue-worker: ready\n",
    "[#1] Invoked: new [200] in 1.000000s\n",
    "[#2] Invoked: new [200] in 1.000000s\n",
]


@pytest.mark.parametrize(
    "words",
    [
        "logs deployment/queue-worker -n openfaas",
        "logs deploy/queue-worker --namespace openfaas",
        "-n openfaas logs deployments/queue-worker",
        "logs -f deployment/queue-worker -n=openfaas --tail=5 --since 10m",
        "--namespace=openfaas-fn logs deployment.apps/queue-worker",
    ],
)
def test_logs_of_the_lab_are_recognised(words: str) -> None:
    target = logs_target(words.split())

    assert target is not None
    assert target[0] == "queue-worker"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "get pods -n openfaas",
        "logs deployment/queue-worker",
        "logs deployment/queue-worker -n kube-system",
        "logs queue-worker-abc -n openfaas",
        "logs pod/queue-worker -n openfaas",
        "logs deployment/ -n openfaas",
        "logs deployment/a deployment/b -n openfaas",
        "logs deployment/queue-worker -n openfaas --previous",
        "version --client",
    ],
)
def test_anything_else_is_for_a_real_kubectl(words: str) -> None:
    assert logs_target(words.split()) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-01-02T15:04:05Z info gateway: ready\n", datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)),
        ("2026/01/02 15:04:05 Forking fprocess.\n", datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)),
        ("[7] 2026/01/02 15:04:05.5 [INF] x\n", datetime(2026, 1, 2, 15, 4, 5, 500000, tzinfo=UTC)),
        ("[#1] Invoked: f [200] in 1.0s\n", None),
        ("2026\n", None),
        ("\n", None),
    ],
)
def test_the_time_of_a_line_is_parsed_if_it_has_one(line: str, expected: datetime | None) -> None:
    assert line_time(line) == expected


def test_only_lines_known_to_be_older_are_left_out() -> None:
    assert younger(LINES, datetime(2026, 1, 2, 10, tzinfo=UTC)) == LINES[1:]
    assert younger(LINES, datetime(2026, 1, 2, 11, 30, tzinfo=UTC)) == LINES[3:]
    assert younger(LINES, datetime(2026, 1, 1, tzinfo=UTC)) == LINES


@pytest.mark.parametrize(
    ("flags", "begin", "expected"),
    [
        ("", None, LINES),
        ("--tail 2", None, LINES[3:]),
        ("--tail=0", None, []),
        ("--tail 99", None, LINES),
        ("--tail=-1", None, LINES),
        ("--since 30m", None, LINES[3:]),
        ("--since 2h --tail 1", None, LINES[4:]),
        ("", datetime(2026, 1, 2, 11, tzinfo=UTC), LINES[1:]),
    ],
)
def test_since_tail_and_the_start_of_the_lab_select_the_lines(
    flags: str, begin: datetime | None, expected: list[str]
) -> None:
    target = logs_target(["logs", "deployment/queue-worker", "-n", "openfaas", *flags.split()])
    assert target is not None

    assert list(select(LINES, target[1], NOW, begin)) == expected


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The logs of a workspace whose lab is gone; no real kubectl on PATH."""
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    folder = tmp_path / ".labkit/logs"
    folder.mkdir(parents=True)
    return folder


def run(words: str) -> int:
    return main(words.split())


def test_the_log_of_a_lab_that_is_gone_can_be_read(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "queue-worker.log").write_text("".join(LINES))

    assert run("logs deployment/queue-worker -n openfaas") == 0
    assert capsys.readouterr().out == "".join(LINES)


def test_following_ends_with_the_lab(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (logs / "queue-worker.log").write_text("".join(LINES))

    assert run("logs -f deployment/queue-worker -n openfaas --tail 1") == 0
    assert capsys.readouterr().out == LINES[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("logs deployment/queue-worker -n openfaas", "No lab runs in this workspace"),
        ("logs deployment/figlet -n openfaas-fn", "No lab runs in this workspace"),
        ("logs deployment/prometheus -n openfaas", 'deployments.apps "prometheus" not found'),
        ("get pods", "the lab runs without Kubernetes"),
        ("logs deployment/queue-worker -n openfaas --since soon", "'soon' is not a duration"),
    ],
)
def test_errors_go_to_standard_error_as_with_kubectl(
    logs: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    if "--since" in words:
        (logs / "queue-worker.log").write_text("x\n")

    assert run(words) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {message}")
    assert printed.out == ""


def test_a_real_kubectl_runs_what_is_not_for_the_lab(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(os.environ["PATH"]) / "kubectl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    executed: list[list[str]] = []

    def execv(path: Path, arguments: list[str]) -> None:
        executed.append([str(path), *arguments[1:]])

    monkeypatch.setattr(os, "execv", execv)

    run("get pods -n openfaas")
    # No lab runs here, so this may be for a cluster of the learner's own.
    run("logs deployment/queue-worker -n openfaas")

    assert executed == [
        [str(program), "get", "pods", "-n", "openfaas"],
        [str(program), "logs", "deployment/queue-worker", "-n", "openfaas"],
    ]
