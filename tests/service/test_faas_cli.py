"""faas-cli and kubectl in a terminal, with a running lab."""

from __future__ import annotations

import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventually import eventually
from receiver import receiver
from terminals import Terminal

from labkit import Lab
from labkit.workspace import Workspace

FUNCTIONS = Path(__file__).parents[2] / "functions"
BANNER = [
    r" _          _           ___     ____       _   _            ",
    r"| |    __ _| |_ ___ _ _|_ _|___| __ )  ___| |_| |_ ___ _ __ ",
    r"| |   / _` | __/ _ \ '__| |/ __|  _ \ / _ \ __| __/ _ \ '__|",
    r"| |__| (_| | ||  __/ |  | |\__ \ |_) |  __/ |_| ||  __/ |   ",
    r"|_____\__,_|\__\___|_| |___|___/____/ \___|\__|\__\___|_|   ",
    r"                                                            ",
]


@pytest.fixture
def terminal(tmp_path: Path, lab: Lab) -> Terminal:
    return Terminal(tmp_path, lab)


@pytest.fixture
def name() -> str:
    """A function's name that no other test uses: the lab is shared."""
    return f"fn-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def echo(terminal: Terminal, name: str) -> Iterator[str]:
    """A function that echoes its input."""
    terminal.faas("deploy", "--image=functions/alpine:latest", "--name", name)
    yield name
    terminal.faas("remove", name)


def stack_url(terminal: Terminal, name: str, route: str = "function") -> str:
    return f"{terminal.lab.gateway_url}/{route}/{name}"


@pytest.mark.row("4.4 deploy", "4.4 remove")
def test_the_lab_text_function_from_new_to_remove(terminal: Terminal, name: str) -> None:
    terminal.shell(f'faas-cli new --lang dockerfile {name} --prefix="<your-docker-username-here>"')
    dockerfile = terminal.folder / name / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace('fprocess="cat"', 'fprocess="rev"'))
    terminal.faas("build")
    terminal.faas("push")
    deployed = terminal.faas("deploy")

    url = stack_url(terminal, name)
    assert deployed == f"Deploying: {name}.\n\nDeployed. 202 Accepted.\nURL: {url}\n\n"
    assert terminal.faas("invoke", name, body=b"abc\n") == "cba\n"
    listed = terminal.faas("list").splitlines()
    assert listed[0] == f"{'Function':<30}\t{'Invocations':<15}\tReplicas"
    assert f"{name:<30}\t{1:<15}\t{1:<5}" in listed
    described = terminal.faas("describe", name)
    assert "Status:             Ready\n" in described
    assert "Invocations:        1\n" in described
    assert f"Image:              <your-docker-username-here>/{name}:latest\n" in described
    assert f"Async URL:          {stack_url(terminal, name, 'async-function')}\n" in described
    assert terminal.faas("rm", name) == f"Deleting: {name}.\nRemoving old function.\n"
    assert terminal.faas("delete", name, code=1).endswith("No existing function to remove\n")
    assert terminal.faas("describe", name, code=1) == f"No such function: {name}\n"


@pytest.mark.row("4.3 up")
def test_up_builds_pushes_deploys_and_updates(terminal: Terminal, name: str) -> None:
    terminal.faas("new", "--lang", "dockerfile", name, "--prefix=me")
    terminal.faas("up")
    assert terminal.faas("invoke", name, body=b"same") == "same"

    dockerfile = terminal.folder / name / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace('fprocess="cat"', 'fprocess="wc -c"'))
    printed = terminal.faas("up", "--skip-push")

    assert "Pushing" not in printed
    assert terminal.faas("invoke", name, body=b"same").strip() == "4"
    terminal.faas("remove")


@pytest.mark.row("4.4 store")
def test_figlet_of_the_store_prints_the_lab_text_banner(terminal: Terminal, name: str) -> None:
    printed = terminal.faas("store", "deploy", "figlet", "--name", name)

    assert printed == f"\nDeployed. 202 Accepted.\nURL: {stack_url(terminal, name)}\n\n"
    banner = terminal.shell(f'echo -n "LaterIsBetter" | faas-cli invoke {name}')
    assert banner == "\n".join([*BANNER, ""])
    terminal.faas("remove", name)


def test_the_functions_of_the_lab_work(terminal: Terminal) -> None:
    shutil.copytree(FUNCTIONS, terminal.folder / "own")
    terminal.shell("cd own && faas-cli up")

    assert terminal.faas("invoke", "cat", body=b"hi") == "hi"
    assert terminal.faas("invoke", "long-task") == ""
    assert terminal.faas("invoke", "figlet", body=b"LaterIsBetter").splitlines() == BANNER
    assert terminal.faas("invoke", "fail", code=1) == (
        "Server returned unexpected status code: 500 - exit status 3\nThis function always fails.\n\n"
    )
    printed = terminal.faas("invoke", "notify", "-H", "X-Function-Name: cat", body=b"done")
    assert " of cat: status unknown after some seconds\ndone" in printed
    terminal.faas("remove", "-f", "own/stack.yaml")


@pytest.mark.row("4.5 invoke")
def test_invoke_returns_bytes_unchanged(terminal: Terminal, echo: str) -> None:
    body = bytes(range(256)) * 4

    assert terminal.run("faas-cli", "invoke", echo, body=body).stdout == body


@pytest.mark.row("4.5 --async")
def test_invoke_async_prints_to_standard_error_only(terminal: Terminal, echo: str) -> None:
    done = terminal.run("faas-cli", "invoke", echo, "--async", body=b"x")

    assert done.stdout == b""
    assert done.stderr == b"Function submitted asynchronously.\n"


@pytest.mark.parametrize("form", ["X-Callback-Url: {}", "X-Callback-Url={}", "X-Callback-Url {}"])
def test_every_header_form_sets_the_callback(terminal: Terminal, echo: str, form: str) -> None:
    with receiver() as target:
        terminal.faas(
            "invoke", echo, "--async", "--header", form.format(f"{target.url}/x?a=b"), body=b"result"
        )
        (request,) = target.wait()

    assert (request.path, request.body) == ("/x?a=b", b"result")
    assert request.headers["X-Function-Status"] == "200"
    assert request.headers["X-Function-Name"] == f"{echo}.openfaas-fn"


def test_a_function_can_be_the_callback(terminal: Terminal, echo: str, name: str) -> None:
    shutil.copytree(FUNCTIONS / "notify", terminal.folder / "notify")
    terminal.faas("build", "-f", str(FUNCTIONS / "stack.yaml"), "--filter", "notify")
    target = f"{name}-target"
    terminal.faas("deploy", "--image=lab/notify:latest", "--name", target)

    url = f"http://gateway:8080/function/{target}"
    terminal.faas("invoke", echo, "--async", "-H", f"X-Callback-Url: {url}", body=b"the news")

    log = eventually(
        lambda: "the news" in (text := terminal.faas("logs", target, "--tail=false")) and text,
        within=20,
        what="the callback in the target's log",
    )
    assert f"of {echo}.openfaas-fn: status 200 after 0." in str(log)
    terminal.faas("remove", target)


def test_query_method_and_headers_reach_the_function(terminal: Terminal, name: str) -> None:
    terminal.faas("store", "deploy", "env", "--name", name, "--env", "COLOUR=red")

    printed = terminal.faas(
        *("invoke", name, "-m", "PUT", "--query", "b=2", "--query", "a=x y", "--content-type", "a/b"),
        *("-H", "X-One: 1", "--sign", "X-Signature", "--key", "k"),
        body=b"body",
    ).splitlines()

    signature = hmac.new(b"k", b"body", "sha256").hexdigest()
    expected = {
        "COLOUR=red",
        "Http_Method=PUT",
        "Http_Query=a=x+y&b=2",
        "Http_Content_Type=a/b",
        "Http_X_One=1",
        f"Http_X_Signature=sha256={signature}",
    }
    assert expected <= set(printed)
    assert any(line.startswith("Http_User_Agent=faas-cli/0.18.12 (openfaas; ") for line in printed)
    terminal.faas("remove", name)


@pytest.mark.row("4.5 failures")
def test_an_unknown_function_is_an_error(terminal: Terminal, name: str) -> None:
    printed = terminal.faas("invoke", name, code=1)

    assert printed.startswith("Server returned unexpected status code: 404 - ")


def test_an_image_that_was_never_built_is_refused(terminal: Terminal, name: str) -> None:
    printed = terminal.faas("deploy", f"--image=me/{name}:latest", "--name", name, code=1)

    assert f"Unexpected status: 400, message: unable to find image: me/{name}:latest" in printed
    assert printed.endswith(f"Function '{name}' failed to deploy with status code: 400\n")


@pytest.mark.row("4.4 deploy")
def test_replace_removes_first(terminal: Terminal, echo: str) -> None:
    image = "--image=functions/alpine:latest"

    printed = terminal.faas("deploy", image, "--name", echo, "--fprocess=env", "--replace", "--update=false")

    assert printed.startswith("Removing old function.\n\nDeployed. 202 Accepted.\n")
    assert "Http_Method=POST" in terminal.faas("invoke", echo)


@pytest.mark.row("4.4 list")
def test_list_prints_names_json_or_details(terminal: Terminal, echo: str) -> None:
    assert echo in terminal.faas("ls", "-q").splitlines()
    functions = json.loads(terminal.faas("list", "--json"))
    assert "functions/alpine:latest" in [f["image"] for f in functions if f["name"] == echo]
    assert re.search(rf"^{echo} *\tfunctions/alpine:latest *\t0 ", terminal.faas("list", "-v"), re.MULTILINE)


@pytest.mark.row("4.4 logs")
def test_logs_ends_without_tail(terminal: Terminal, echo: str) -> None:
    terminal.faas("invoke", echo, body=b"12345")

    def logged() -> list[str]:
        text = terminal.faas("logs", echo, "--tail=false", "--since=5m")
        return [line for line in text.splitlines() if "Wrote 5 Bytes" in line]

    line = eventually(logged, within=10)[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line)
    messages = terminal.faas("logs", echo, "--tail=false", "-o", "json").splitlines()
    assert {json.loads(message)["name"] for message in messages} == {echo}
    assert len(terminal.faas("logs", echo, "--tail=false", "--lines=1").splitlines()) == 1


@pytest.mark.row("4.4 logs")
def test_logs_follows_until_interrupted(terminal: Terminal, echo: str) -> None:
    with subprocess.Popen(
        ["faas-cli", "logs", echo], stdout=subprocess.PIPE, env=terminal.variables, cwd=terminal.folder
    ) as following:
        try:
            assert following.stdout is not None
            assert following.stdout.readline()
            terminal.faas("invoke", echo, body=b"1234567")
            while b"Wrote 7 Bytes" not in (line := following.stdout.readline()):
                assert line
            following.send_signal(signal.SIGINT)
            assert following.wait(10) == -signal.SIGINT
        finally:
            following.kill()


def test_logs_of_an_unknown_function_is_an_error(terminal: Terminal, name: str) -> None:
    printed = terminal.faas("logs", name, "--tail=false", code=1)
    assert printed == f"Server returned unexpected status code: 404 - function {name} not found\n\n"


def test_kubectl_prints_the_queue_worker_log(terminal: Terminal, echo: str) -> None:
    terminal.faas("invoke", echo, "--async", body=b"x")

    def logged() -> str:
        text = terminal.shell("kubectl logs deployment/queue-worker -n openfaas")
        return text if f"Invoked: {echo}.openfaas-fn [200]" in text else ""

    assert re.search(
        rf"^\[#\d+\] Invoking: {echo}\.openfaas-fn with 1 bytes", eventually(logged, within=20), re.M
    )
    assert len(terminal.shell("kubectl logs deploy/queue-worker -n openfaas --tail=2").splitlines()) == 2


def test_kubectl_follows_a_log(terminal: Terminal, echo: str) -> None:
    command = ["kubectl", "logs", "-f", "deployment/queue-worker", "-n", "openfaas", "--tail=0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=terminal.variables, cwd=terminal.folder
    ) as following:
        try:
            assert following.stdout is not None
            # It certainly follows only after its first output, so calls are made until then.
            os.set_blocking(following.stdout.fileno(), False)

            def seen() -> bytes | None:
                terminal.faas("invoke", echo, "--async", body=b"x")
                return following.stdout.read() if following.stdout else None

            assert b"[#" in eventually(seen, within=20)
            following.send_signal(signal.SIGINT)
            assert following.wait(10) == -signal.SIGINT
        finally:
            following.kill()


@pytest.mark.parametrize("service", ["gateway", "nats", "inspector"])
def test_kubectl_prints_the_log_of_every_service(terminal: Terminal, service: str) -> None:
    assert terminal.shell(f"kubectl logs deployment/{service} -n openfaas")


def test_kubectl_prints_a_function_log(terminal: Terminal, echo: str) -> None:
    terminal.faas("invoke", echo, body=b"123")

    def logged() -> bool:
        return "Wrote 3 Bytes" in terminal.shell(f"kubectl logs deployment/{echo} -n openfaas-fn")

    eventually(logged, within=10)


def test_kubectl_lists_services_and_functions(terminal: Terminal, echo: str) -> None:
    pods = terminal.shell("kubectl get pods -n openfaas").splitlines()
    assert re.fullmatch(r"NAME +READY   STATUS    RESTARTS   AGE", pods[0])
    assert [line.split()[0] for line in pods[1:]] == ["nats", "gateway", "queue-worker", "inspector"]
    assert all(re.fullmatch(r"\S+ +1/1     Running   \d+ +\w+", line) for line in pods[1:])
    deployments = terminal.shell(f"kubectl get deploy {echo} -n openfaas-fn").splitlines()
    assert deployments[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert deployments[1].split()[:4] == [echo, "1/1", "1", "1"]
    assert terminal.shell(f"kubectl get pod/{echo} -n openfaas-fn -o name") == f"pod/{echo}\n"
    rolled_out = terminal.shell("kubectl rollout status deployment/queue-worker -n openfaas")
    assert rolled_out == 'deployment "queue-worker" successfully rolled out\n'
    missing = terminal.run("kubectl", "get", "deploy", "prometheus", "-n", "openfaas", code=1)
    assert missing.stderr == b'Error from server (NotFound): deployments.apps "prometheus" not found\n'


def test_kubectl_refuses_other_commands(terminal: Terminal) -> None:
    done = terminal.run("kubectl", "get", "pods", code=1)

    assert done.stderr.startswith(b"error: the lab runs without Kubernetes")


@pytest.mark.row("4.4 ready, version, namespace list")
def test_ready_version_and_namespaces(terminal: Terminal, echo: str) -> None:
    assert terminal.faas("ready") == "[1/60] Waiting for gateway\nOpenFaaS gateway is ready\n"
    assert terminal.faas("ready", echo).endswith(f"Function {echo} is ready\n")
    assert terminal.faas("ready", "none", "--attempts=2", "--interval=10ms", code=1).splitlines()[-1] == (
        "Function none not ready after: 0s"
    )
    printed = terminal.faas("version")
    assert f"Gateway\n uri:     {terminal.lab.gateway_url}\n" in printed
    assert " orchestration: processes\n" in printed
    assert terminal.faas("version", "--short-version") == "0.18.12\n"
    for words in (["namespaces"], ["namespace", "list"]):
        assert terminal.faas(*words) == "Namespaces:\n - openfaas-fn\n"


@pytest.mark.row("4.4 login")
def test_login_checks_and_saves_and_logout_deletes(terminal: Terminal) -> None:
    state = Workspace(terminal.lab.workspace).read_state()
    assert state is not None
    url = terminal.lab.gateway_url
    # In a folder that has no lab.
    terminal.variables["LABKIT_WORKSPACE"] = str(terminal.folder)
    terminal.variables["OPENFAAS_URL"] = url
    terminal.variables["OPENFAAS_CONFIG"] = str(terminal.folder / "config")

    assert 'run "faas-cli login"' in terminal.faas("list", code=1)
    assert "either username or password is incorrect" in terminal.faas("login", "-p", "no", code=1)
    printed = terminal.faas("login", "-u", state.user, "--password-stdin", body=state.password.encode())
    assert printed.endswith(f"credentials saved for {state.user} {url}\n")
    terminal.faas("list")
    assert terminal.faas("logout") == f"credentials removed for {url}\n"
    assert 'run "faas-cli login"' in terminal.faas("list", code=1)


def test_a_real_faas_cli_is_run_instead_with_the_lab_address(terminal: Terminal) -> None:
    real = terminal.folder / "bin/faas-cli"
    real.parent.mkdir()
    real.write_text('#!/bin/sh\necho "$@"; echo "$OPENFAAS_URL"; cat "$OPENFAAS_CONFIG/config.yml"; exit 7\n')
    real.chmod(0o755)
    terminal.variables["PATH"] += f":{real.parent}"

    first, url, *config = terminal.faas("list", "--verbose", code=7).splitlines()

    assert (first, url) == ("list --verbose", terminal.lab.gateway_url)
    assert f"- gateway: {url}" in config
    terminal.variables["LABKIT_FAAS_CLI"] = "builtin"
    assert terminal.faas("list").startswith("Function ")


def test_a_closed_pipe_is_not_an_error(terminal: Terminal) -> None:
    done = terminal.run("bash", "-c", "faas-cli store list --json | true; exit ${PIPESTATUS[0]}", code=141)

    assert done.stderr == b""


def test_an_invocation_of_a_lab_imports_no_heavy_module(terminal: Terminal, echo: str) -> None:
    """Imports take most of the time of ten invocations in a row."""
    (terminal.folder / "stack.yaml").write_text(
        "version: 1.0\nprovider:\n  name: openfaas\n  gateway: http://127.0.0.1:8080\nfunctions: {}\n"
    )
    code = (
        "import sys; from labkit.openfaas_cli.faas_cli import main; "
        f"code = main(['invoke', '{echo}', '--async']); "
        "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    )

    loaded = terminal.run(sys.executable, "-c", code).stderr.decode().split()

    heavy = {
        "asyncio",
        "email",
        "http.client",
        "httpx",
        "matplotlib",
        "nats",
        "ssl",
        "subprocess",
        "yaml",
    }
    assert heavy.isdisjoint(loaded)
