"""kubectl without Kubernetes: what is answered, refused or handed over."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from labkit.openfaas_cli.kubectl import main
from labkit.openfaas_cli.kubectl.logs import line_time, select, younger
from labkit.openfaas_cli.kubectl.resources import human_duration
from labkit.workspace import LabState, Workspace

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
LINES = [
    "2026-01-02T09:00:00Z info queue-worker: ready\n",
    "[#1] Invoked: old [200] in 1.000000s\n",
    "2026-01-02T11:00:00Z info queue-worker: ready\n",
    "[#1] Invoked: new [200] in 1.000000s\n",
    "[#2] Invoked: new [200] in 1.000000s\n",
]


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
    ("tail", "since", "begin", "expected"),
    [
        (-1, None, None, LINES),
        (2, None, None, LINES[3:]),
        (0, None, None, []),
        (99, None, None, LINES),
        (-1, NOW - timedelta(minutes=30), None, LINES[3:]),
        (1, NOW - timedelta(hours=2), None, LINES[4:]),
        (-1, None, datetime(2026, 1, 2, 11, tzinfo=UTC), LINES[1:]),
    ],
)
def test_since_tail_and_the_start_of_the_lab_select_the_lines(
    tail: int, since: datetime | None, begin: datetime | None, expected: list[str]
) -> None:
    assert list(select(LINES, tail, since, begin)) == expected


class Machine:
    """A workspace whose lab is gone, and a real kubectl that records calls."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.logs = folder / ".labkit/logs"
        self.logs.mkdir(parents=True)
        self.executed: list[list[str]] = []
        self.program = folder / "bin/kubectl"
        self._capsys = capsys

    def install_kubectl(self) -> None:
        self.program.parent.mkdir()
        self.program.write_text("#!/bin/sh\n")
        self.program.chmod(0o755)

    def execve(self, path: str, arguments: list[str], _environment: object) -> None:
        self.executed.append([str(path), *arguments[1:]])

    def write_kubeconfig(self, server: str, file: str = ".kube/config") -> Path:
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            yaml.safe_dump(
                {
                    "current-context": "mine",
                    "contexts": [{"name": "mine", "context": {"cluster": "k3s", "user": "me"}}],
                    "clusters": [{"name": "k3s", "cluster": {"server": server}}],
                }
            )
        )
        return path

    def run(self, words: str) -> tuple[int, str, str]:
        code = main(shlex.split(words))
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Machine:
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    machine = Machine(tmp_path, capsys)
    monkeypatch.setattr(os, "execve", machine.execve)
    return machine


@pytest.fixture
def lab(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The same while a lab runs; its gateway has kubectl's default port."""
    ports = {
        "gateway_url": GATEWAY,
        "inspector_url": "http://127.0.0.1:8090",
        "nats_url": "nats://127.0.0.1:1",
    }
    texts = dict.fromkeys(("run_id", "inspector_token", "nats_token", "user", "password"), "")
    state = LabState(**ports, **texts, pid=1, control="", control_token="", started_ns=0)
    monkeypatch.setattr(Workspace, "read_state", lambda _: state)
    return machine


GATEWAY = "http://127.0.0.1:8080"
LOGS = "logs deployment/queue-worker -n openfaas"


@pytest.mark.parametrize(
    "words",
    [
        LOGS,
        "logs deploy/queue-worker --namespace openfaas",
        "-n openfaas logs deployments/queue-worker",
        "--namespace=openfaas logs deployment.apps/queue-worker",
        "logs -nopenfaas deploy/queue-worker -c queue-worker",
        "logs queue-worker -n openfaas",
        "logs queue-worker queue-worker -n openfaas",
        "logs pod/queue-worker -n openfaas --container=queue-worker",
        "logs -l app=queue-worker -n openfaas",
        "logs --selector app==queue-worker -n openfaas --max-log-requests 9",
        f"{LOGS} --all-containers --ignore-errors --pod-running-timeout=1m --request-timeout=5s",
        f"{LOGS} --all-containers=true --insecure-skip-tls-verify-backend -v=6 --as=me --tail=-1",
        f"{LOGS} --since-time=2026-01-01T00:00:00Z --limit-bytes=1000000",
        f"{LOGS} --since 876000h",
        "log deployment/queue-worker -n openfaas",
    ],
)
def test_each_form_of_logs_prints_the_log_of_a_lab_that_is_gone(machine: Machine, words: str) -> None:
    machine.install_kubectl()
    (machine.logs / "queue-worker.log").write_text("".join(LINES))

    assert machine.run(words) == (0, "".join(LINES), "")
    assert machine.executed == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--timestamps --tail=1", f"2026-01-02T11:00:00.000000000Z {LINES[4]}"),
        ("--prefix --tail=1", f"[pod/queue-worker/queue-worker] {LINES[4]}"),
        ("--all-pods --tail=1", f"[pod/queue-worker/queue-worker] {LINES[4]}"),
        ("--limit-bytes=10", "2026-01-02"),
        ("--since-time=2026-01-02T10:30:00Z", "".join(LINES[1:])),
        ("-f --tail 1", LINES[-1]),
    ],
)
def test_flags_of_logs(machine: Machine, flags: str, expected: str) -> None:
    (machine.logs / "queue-worker.log").write_text("".join(LINES))

    assert machine.run(f"{LOGS} {flags}") == (0, expected, "")


def test_a_selector_shows_ten_lines_unless_told(machine: Machine) -> None:
    (machine.logs / "gateway.log").write_text("".join(f"line {number}\n" for number in range(30)))

    assert machine.run("logs -l app=gateway -n openfaas")[1].count("\n") == 10
    assert machine.run("logs -l app=gateway -n openfaas --tail=-1")[1].count("\n") == 30
    missing = machine.run("logs -l app=alertmanager -n openfaas")
    assert missing == (0, "", "No resources found in openfaas namespace.\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("logs -n openfaas", "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'."),
        ("logs a b c -n openfaas", "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'."),
        ("logs a -l x=y -n openfaas", "error: only a selector (-l) or a POD name is allowed"),
        (f"{LOGS} --previouss", "Error: unknown flag: --previouss\nSee 'kubectl logs --help' for usage."),
        (f"{LOGS} -z", "Error: unknown shorthand flag: 'z' in -z\nSee 'kubectl logs --help' for usage."),
        (f"{LOGS} --tail", "Error: flag needs an argument: --tail\nSee 'kubectl logs --help' for usage."),
        (f"{LOGS} --since soon", 'Error: invalid argument "soon" for "--since" flag: time: invalid duration'),
        (
            f"{LOGS} --since-time=x",
            'error: parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x"',
        ),
        (f"{LOGS} --tail=-5", "error: --tail must be greater than or equal to -1"),
        (f"{LOGS} --limit-bytes=0", "error: --limit-bytes must be greater than 0"),
        (
            "get pods --context",
            "Error: flag needs an argument: --context\nSee 'kubectl get --help' for usage.",
        ),
        (f"{LOGS} -p", "Error from server (BadRequest): previous terminated container"),
        (f"{LOGS} -c x", "error: container x is not valid for pod queue-worker out of: queue-worker"),
        ("logs svc/gateway -n openfaas", 'error: the server doesn\'t have a resource type "svc"'),
        (
            "logs deployment/prometheus -n openfaas",
            'error: error from server (NotFound): deployments.apps "prometheus" not found in namespace',
        ),
        (
            "logs x -n openfaas",
            'error: error from server (NotFound): pods "x" not found in namespace "openfaas"',
        ),
    ],
)
def test_errors_of_logs_are_those_of_kubectl(machine: Machine, words: str, error: str) -> None:
    (machine.logs / "queue-worker.log").write_text("x\n")

    code, out, err = machine.run(words)

    assert (code, out) == (1, "")
    assert err.startswith(error)


@pytest.mark.parametrize("words", [LOGS, "logs deployment/figlet -n openfaas-fn", "get pods -n openfaas"])
def test_without_a_lab_the_error_says_how_to_start_one(machine: Machine, words: str) -> None:
    machine.install_kubectl()

    code, _, err = machine.run(words)

    assert code == 1
    assert err.startswith("error: No lab runs in this workspace")
    assert machine.executed == []


UNANSWERED = {
    "get pods": "add -n openfaas",
    "get svc -n openfaas": "faas-cli secret list",
    "get secret basic-auth -n openfaas -o jsonpath={.data}": "faas-cli secret list",
    "get pods -n openfaas -o yaml": "kubectl get pods",
    "get pods -n kube-system": "for a cluster of your own",
    "logs deployment/queue-worker": "add -n openfaas",
    "describe deployment/queue-worker -n openfaas": "labkit status",
    "exec -it deploy/queue-worker -n openfaas -- sh": "a process on this machine",
    "port-forward svc/gateway 8080:8080 -n openfaas": "no forwarding is needed",
    "apply -f stack.yaml": "faas-cli deploy",
    "scale deployment/queue-worker --replicas=2 -n openfaas": "lab.scale_workers",
    "rollout restart deployment/gateway -n openfaas": "lab.restart",
    "delete pod queue-worker -n openfaas": "lab.kill",
    "top pods -n openfaas": "labkit status",
    "cluster-info": "for a cluster of your own",
    "version": "for a cluster of your own",
    "frobnicate --unknown": "for a cluster of your own",
}


@pytest.mark.parametrize("words", UNANSWERED)
def test_what_the_lab_cannot_answer_names_the_labs_command_and_asks_nobody(lab: Machine, words: str) -> None:
    """A real one would ask port 8080, the lab's gateway."""
    lab.install_kubectl()

    code, out, err = lab.run(words)

    assert lab.executed == []
    assert (code, out) == (1, "")
    assert err.startswith("error: the lab runs without Kubernetes")
    assert UNANSWERED[words] in err


@pytest.mark.parametrize(
    "words",
    [
        "get pods",
        "logs deployment/queue-worker -n kube-system",
        "apply -f x.yaml",
        "--context mine get pods -n openfaas",
        "exec deploy/queue-worker --context=mine -n openfaas -- ls",
        "logs deployment/queue-worker -n openfaas -s https://cluster:6443",
        "get pods -shttps://cluster:6443",
    ],
)
def test_a_real_kubectl_runs_only_for_a_named_cluster(lab: Machine, words: str) -> None:
    lab.install_kubectl()
    lab.write_kubeconfig("https://cluster:6443")

    lab.run(words)

    assert lab.executed == [[str(lab.program), *shlex.split(words)]]


def test_without_a_lab_its_namespaces_belong_to_a_named_cluster(machine: Machine) -> None:
    machine.install_kubectl()
    machine.write_kubeconfig("https://cluster:6443")

    machine.run(LOGS)

    assert machine.executed == [[str(machine.program), *LOGS.split()]]


@pytest.mark.parametrize("server", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_the_gateway_is_never_asked_as_a_cluster(
    lab: Machine, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.install_kubectl()
    file = lab.write_kubeconfig(server, "config")
    lines = [
        f"get pods --server={server}",
        f"get pods --kubeconfig {file}",
        f"get pods --kubeconfig={file} -A",
    ]

    answers = [lab.run(line) for line in lines]
    monkeypatch.setenv("KUBECONFIG", f"/nowhere:{file}")
    answers += [lab.run("get pods"), lab.run("cluster-info --context mine")]

    assert lab.executed == []
    assert {code for code, _, _ in answers} == {1}
    assert all("is the lab's gateway, not a Kubernetes cluster" in error for _, _, error in answers)


@pytest.mark.parametrize(
    "flags", ["--context other", "--cluster=other", "--kubeconfig /nowhere", "--kubeconfig ."]
)
def test_a_flag_that_names_no_cluster_asks_nobody(lab: Machine, flags: str) -> None:
    lab.install_kubectl()
    lab.write_kubeconfig("https://cluster:6443")

    code, _, err = lab.run(f"get pods {flags}")

    assert (code, lab.executed) == (1, [])
    assert err.startswith("error: no cluster is named by --")


@pytest.mark.parametrize("text", ["", "[]", "clusters: 1", "{", "contexts: [1]", "a: &a [*a]", "\x00"])
def test_a_broken_kubeconfig_names_no_cluster(lab: Machine, text: str) -> None:
    lab.install_kubectl()
    lab.write_kubeconfig("").write_text(text)

    assert lab.run("get nodes")[0] == 1
    assert lab.executed == []


@pytest.mark.parametrize(
    "words", ["", "--help", "logs --help", "get -h", "version --client", "config view", "completion bash"]
)
def test_what_asks_no_cluster_is_for_a_real_kubectl_if_there_is_one(lab: Machine, words: str) -> None:
    code, out, _ = lab.run(words)
    assert code == 0
    assert "kubectl logs deployment/NAME -n openfaas" in out
    lab.install_kubectl()

    lab.run(words)

    assert lab.executed == [[str(lab.program), *words.split()]]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (192, "3m12s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (11160, "3h6m"),
        (28800, "8h"),
        (172799, "47h"),
        (180000, "2d2h"),
        (691200, "8d"),
    ],
)
def test_ages_are_shown_as_by_kubectl(seconds: float, expected: str) -> None:
    assert human_duration(seconds) == expected


def test_the_log_of_a_service_is_shown_without_asyncio_and_yaml(tmp_path: Path) -> None:
    # Each takes longer to import than the log to read.
    workspace = Workspace(tmp_path)
    workspace.folder.mkdir()
    workspace.write_state(LabState(1, "run", "", "", "", "", "", "admin", "secret", "", "", 0))
    workspace.logs.mkdir()
    (workspace.logs / "gateway.log").write_text("ready\n")
    script = """
import sys
from labkit.openfaas_cli.kubectl import main
code = main(["logs", "deployment/gateway", "-n", "openfaas"])
print(code, *sorted({"asyncio", "yaml"} & set(sys.modules)))
"""
    with workspace.lock():
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env={**os.environ, "LABKIT_WORKSPACE": str(tmp_path), "HOME": str(tmp_path), "KUBECONFIG": ""},
            timeout=60,
            check=True,
        )

    assert (done.stdout, done.stderr) == ("ready\n0\n", "")
