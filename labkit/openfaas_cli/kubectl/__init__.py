"""kubectl: a work-alike of ``kubectl logs``, ``get`` and ``rollout status``.

The lab has no Kubernetes; its services are processes that write log files. A
command on a namespace of the lab (``openfaas`` for services, ``openfaas-fn``
for functions) is answered or refused here while a lab runs. A real kubectl is
run only if a flag or a kubeconfig names a cluster, and that is not the lab's
gateway.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from labkit.openfaas_cli.exit_code import exit_code
from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.kubectl.cluster import cluster_address, is_same_address
from labkit.openfaas_cli.kubectl.command_line import VERBS, CommandLine, parse_verb, read
from labkit.openfaas_cli.kubectl.errors import NotInLabError
from labkit.openfaas_cli.kubectl.logs import SERVICE_NAMESPACE, show_logs
from labkit.openfaas_cli.pflag import UsageError
from labkit.openfaas_cli.real_program import become, find_real
from labkit.workspace import LabState, Workspace
from labkit_services.contract.names import DEFAULT_NAMESPACE

_ANSWERED = f"""\
kubectl logs deployment/NAME -n {SERVICE_NAMESPACE} [-f] [--tail N] [--since D] [--timestamps] ...
kubectl get pods|deployments -n {SERVICE_NAMESPACE}
kubectl rollout status deployment/NAME -n {SERVICE_NAMESPACE}

NAME is gateway, inspector, nats or queue-worker; or a function, with -n {DEFAULT_NAMESPACE}.
"""
_INSTEAD = {
    "apply": "deploy functions with: faas-cli deploy -f stack.yaml",
    "attach": "follow a log with: kubectl logs -f deployment/NAME -n openfaas",
    "create": "deploy a function with: faas-cli deploy, or store a secret with: faas-cli secret create",
    "delete": "faas-cli remove NAME for a function; lab.kill(NAME), in a notebook, for a service",
    "describe": "see the services with: labkit status, or a function with: faas-cli describe NAME",
    "edit": "change a function in its stack file, then: faas-cli up",
    "exec": "a function is a process on this machine; its log: faas-cli logs NAME",
    "get": "kubectl get pods or deployments; or faas-cli secret list, faas-cli namespaces",
    "port-forward": "no forwarding is needed: labkit status shows the addresses",
    "rollout": "kubectl rollout status; start a service again with: lab.restart(NAME), in a notebook",
    "scale": "scale queue-workers with: lab.scale_workers(COUNT), in a notebook",
    "top": "see the memory of each service with: labkit status",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code("kubectl", lambda: _run(words), _report)


def _report(error: str) -> None:
    """Print an error as kubectl does, which has two manners."""
    warn(error if error.startswith("Error") else f"error: {error}")


def _run(words: Sequence[str]) -> None:
    try:
        _dispatch(read(words))
    except UsageError as error:
        verb = next((word for word in words if not word.startswith("-")), "")
        command = f"kubectl {verb}".rstrip()
        raise UsageError(f"Error: {error.headline}\nSee '{command} --help' for usage.") from error


def _dispatch(line: CommandLine) -> None:
    if line.asks_no_cluster:
        if find_real("kubectl"):
            _run_real(line)
        else:
            sys.stdout.write(f"In the lab:\n\n{_ANSWERED}")
        return
    workspace = Workspace.find()
    state = workspace.read_state()
    address = cluster_address(line.flags, os.environ)
    is_for_lab = _is_lab_namespace(line) and (state or not address)
    if line.cluster_flags or not is_for_lab:
        if not address or (state and is_same_address(address, state.gateway_url)) or not find_real("kubectl"):
            raise _no_cluster(line, address, state)
        _run_real(line)
        return
    _answer(line, workspace, state)


def _is_lab_namespace(line: CommandLine) -> bool:
    return line.namespace in (SERVICE_NAMESPACE, DEFAULT_NAMESPACE)


def _answer(line: CommandLine, workspace: Workspace, state: LabState | None) -> None:
    if line.verb in ("logs", "log"):
        show_logs(workspace, state, parse_verb(line))
        return
    from labkit.openfaas_cli.kubectl import resources  # logs need no asyncio, half of the start

    if line.verb == "get" and resources.is_known(arguments := parse_verb(line)):
        resources.get(state, arguments)
    elif line.verb == "rollout" and (arguments := parse_verb(line)).words[:1] == ["status"]:
        resources.rollout_status(state, arguments)
    else:
        raise _no_cluster(line, "", state)


def _no_cluster(line: CommandLine, address: str, state: LabState | None) -> NotInLabError:
    """Return the error for what neither the lab nor a real kubectl answers."""
    named = " ".join(f"--{name} {line.flags.text(name)}" for name in line.cluster_flags)
    if state and address and is_same_address(address, state.gateway_url):
        headline = f"{address} is the lab's gateway, not a Kubernetes cluster"
    elif address:
        headline = "there is no kubectl on PATH but the lab's, which has no Kubernetes"
    elif named:
        headline = f"no cluster is named by {named}"
    else:
        headline = "the lab runs without Kubernetes"
    hint = (
        "" if line.flags.given("namespace") and not _is_lab_namespace(line) else _INSTEAD.get(line.verb, "")
    )
    if line.verb in VERBS and line.namespace == "default":
        hint = f"add -n {SERVICE_NAMESPACE}, or for a function -n {DEFAULT_NAMESPACE}"
    return NotInLabError(
        headline,
        seen=f"kubectl {' '.join(line.words)}",
        expected=f"kubectl logs deployment/NAME -n {SERVICE_NAMESPACE}, get pods, or rollout status",
        next_step=hint or "for a cluster of your own: kubectl --context NAME, with a real kubectl on PATH",
    )


def _run_real(line: CommandLine) -> None:
    """Become the real kubectl."""
    program = find_real("kubectl")
    assert program is not None
    become(program, line.words, os.environ, f"name a namespace of the lab: -n {SERVICE_NAMESPACE}")
