"""faas-cli deploy: have the gateway run functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY, NAMESPACE, TLS, TOKEN, Command
from labkit.openfaas_cli.faas_cli.gateway import UNAUTHORIZED, Gateway, GatewayError
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import say
from labkit.openfaas_cli.faas_cli.stack import StackFileError, StackFunction, stack_of
from labkit.openfaas_cli.faas_cli.templates import find_template, template_process
from labkit.openfaas_cli.faas_cli.verbs.remove import remove_function
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError

_MODES = """\
Cannot specify --update and --replace at the same time. One of --update or --replace must be false.
  --replace    removes an existing deployment before re-creating it
  --update     performs a rolling update to a new function image or configuration (default true)"""


@dataclass
class Deployment:
    """One function as the gateway is asked to run it; OpenFaaS's ``FunctionDeployment``."""

    name: str
    image: str
    namespace: str = ""
    fprocess: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    constraints: Sequence[str] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    readonly: bool = False

    def content(self) -> dict[str, Any]:
        """Return the request's JSON; what is empty is left out."""
        fields = {
            "service": self.name,
            "image": self.image,
            "namespace": self.namespace,
            "envProcess": self.fprocess,
            "envVars": dict(self.environment),
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "secrets": list(self.secrets),
            "constraints": list(self.constraints),
            "limits": dict(self.limits),
            "requests": dict(self.requests),
            "readOnlyRootFilesystem": self.readonly,
        }
        return {name: value for name, value in fields.items() if value}


def run_deploy(arguments: Arguments) -> None:
    """Deploy the functions of the stack file, or the one that the flags describe.

    Raises:
        GatewayError: At least one was refused; the others were deployed.
    """
    check_modes(arguments)
    stack = stack_of(arguments)
    gateway = Gateway.of(arguments, stack.gateway)
    failed = {}
    for function in stack.functions.values():
        say(f"Deploying: {function.name}.")
        deployment = _merged(tagged(function, arguments), arguments)
        failed[function.name] = send(gateway, deployment, arguments)
    if not stack.functions:
        name, image = arguments.text("name"), arguments.text("image")
        if not name or not image:
            raise UsageError("to deploy a function give --yaml/-f or a --image and --name flag")
        failed[name] = send(gateway, _merged(StackFunction(name, image=image), arguments), arguments)
    raise_failed(failed)


def check_modes(arguments: Arguments) -> None:
    """Refuse ``--update`` and ``--replace`` together.

    Raises:
        UsageError: Both are on.
    """
    if arguments.on("update") and arguments.on("replace"):
        say(_MODES)
        raise UsageError("cannot specify --update and --replace at the same time")


def send(gateway: Gateway, deployment: Deployment, arguments: Arguments) -> int:
    """Ask the gateway for one function and print how that went; return the status, 500 for no answer.

    An update comes first: a function that is there is replaced without a gap.
    If there is none, it is created.
    """
    gateway.warn_of_plain_http()
    token = arguments.text("token")
    if arguments.on("replace"):
        remove_function(gateway, deployment.name, deployment.namespace, token=token)
    method = "PUT" if arguments.on("update") else "POST"
    try:
        response = gateway.system(method, "/system/functions", content=deployment.content(), token=token)
        if method == "PUT" and response.status == 404:
            response.close()
            method = "POST"
            response = gateway.system(method, "/system/functions", content=deployment.content(), token=token)
        body = response.read().decode("utf-8", "replace")
    except (OSError, EOFError) as error:
        say("\nIs OpenFaaS deployed? Do you need to specify the --gateway flag?")
        say(f"{error}\n")
        return 500
    if method == "PUT" and response.status == 200:
        say(f"Function {deployment.name} already exists, attempting rolling-update.")
    say()
    if response.status in (200, 201, 202):
        path = deployment.name + (f".{deployment.namespace}" if deployment.namespace else "")
        say(f"Deployed. {response.status} {response.reason}.")
        say(f"URL: {gateway.url}/function/{path}")
    elif response.status == 401:
        say(UNAUTHORIZED)
    else:
        say(f"Unexpected status: {response.status}, message: {body}")
    say()
    return response.status


def raise_failed(statuses: Mapping[str, int]) -> None:
    """Raise if a function was not deployed: any status but 200 and 202.

    Raises:
        GatewayError: With one line each.
    """
    failed = {name: status for name, status in statuses.items() if status not in (200, 202)}
    if failed:
        raise GatewayError(
            "\n".join(
                f"Function '{name}' failed to deploy with status code: {status}"
                for name, status in failed.items()
            )
        )


def parse_map(texts: Sequence[str], what: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` flags.

    Raises:
        UsageError: One of them is something else.
    """
    plural = {"env": "envvars"}.get(what, f"{what}s")
    pairs = {}
    for text in texts:
        name, equals, value = text.strip().partition("=")
        if not equals:
            raise UsageError(f"error parsing {plural}: label format is not correct, needs key=value")
        if not name or not value:
            missing = "value" if name else "name"
            raise UsageError(f"error parsing {plural}: empty {what} {missing}: [{text}]")
        pairs[name] = value
    return pairs


def _merged(function: StackFunction, arguments: Arguments) -> Deployment:
    """Return the stack file's function with the flags over it."""
    secrets = arguments.texts("secret")
    return Deployment(
        name=function.name,
        image=function.image,
        namespace=arguments.text("namespace") or function.namespace,
        fprocess=arguments.text("fprocess") or function.fprocess or _template_process(function, arguments),
        environment={**function.environment, **parse_map(arguments.texts("env"), "env")},
        labels={**function.labels, **parse_map(arguments.texts("label"), "label")},
        annotations={**function.annotations, **parse_map(arguments.texts("annotation"), "annotation")},
        secrets=[*secrets, *(name for name in function.secrets if name not in secrets)],
        constraints=function.constraints or arguments.texts("constraint"),
        limits={**function.limits, **_resources(arguments, "limit")},
        requests={**function.requests, **_resources(arguments, "request")},
        readonly=function.readonly_root_filesystem or arguments.on("readonly"),
    )


def _template_process(function: StackFunction, arguments: Arguments) -> str:
    """Return the process that the template of a function's language starts, "" if its Dockerfile says it.

    Raises:
        StackFileError: There is no such template.
    """
    language = function.lang or arguments.text("lang")
    if language.lower() in ("", "dockerfile") or not arguments.on("read-template"):
        return ""
    folder = find_template(Path("template"), language)
    if folder is None:
        raise StackFileError(
            f"no template for the language {language} of {function.name}",
            expected=f"./template/{language}/template.yml",
            next_step="fetch it with faas-cli template pull, or deploy with --read-template=false",
        )
    return template_process(folder.parent / "template.yml")


def _resources(arguments: Arguments, kind: str) -> dict[str, str]:
    sizes = {name: arguments.text(f"{name}-{kind}") for name in ("cpu", "memory")}
    return {name: size for name, size in sizes.items() if size}


SEND_FLAGS = (
    Flag("annotation", "", [], "Annotation, NAME=VALUE; may be given more than once"),
    Flag("constraint", "", [], "Placement constraint; may be given more than once"),
    Flag("cpu-limit", "", "", "Limit for the CPU"),
    Flag("cpu-request", "", "", "Request for the CPU"),
    Flag("env", "e", [], "Environment variable, NAME=VALUE; may be given more than once"),
    Flag("label", "l", [], "Label, NAME=VALUE; may be given more than once"),
    Flag("memory-limit", "", "", "Limit for the memory"),
    Flag("memory-request", "", "", "Request for the memory"),
    Flag("name", "", "", "Name of the function"),
    NAMESPACE,
    Flag("readonly", "", False, "Read-only root file system"),
    Flag("replace", "", False, "Remove an existing function first; needs --update=false"),
    Flag("secret", "", [], "Secret the function may read; may be given more than once"),
    TLS,
    TOKEN,
    Flag("update", "", True, "Update an existing function in place"),
)

FLAGS = (
    ENVSUBST,
    Flag("fprocess", "", "", "Process that the watchdog starts for every request"),
    GATEWAY,
    Flag("handler", "", "", "Folder of the function"),
    Flag("image", "", "", "Name of the image"),
    Flag("lang", "", "", "Language of the function"),
    Flag("network", "", "", "Accepted; has no meaning any more"),
    Flag("read-template", "", True, "Read the process from the language's template"),
    TAG,
    *SEND_FLAGS,
)

COMMAND = Command(
    short="Deploy OpenFaaS functions",
    run=run_deploy,
    flags=FLAGS,
    examples=(
        "faas-cli deploy",
        "faas-cli deploy -f stack.yaml --filter long-task --label canary=true",
        'faas-cli deploy --image functions/alpine:latest --name env --fprocess "env"',
    ),
)
