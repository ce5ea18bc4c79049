"""faas-cli deploy: create or update functions on the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from labkit.openfaas_cli.faas_cli.arguments import key_values, resource_sizes
from labkit.openfaas_cli.faas_cli.gateway import UNAUTHORIZED, Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.go_time import check_duration, duration
from labkit.openfaas_cli.faas_cli.http import HttpRequestError
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFileError, StackFunction, full_environment, stack_of
from labkit.openfaas_cli.faas_cli.templates import TemplateError, find_template, read_template
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY, NAMESPACE, TLS, TOKEN, Verb
from labkit.openfaas_cli.faas_cli.verbs.remove import remove_function
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError

_MODES = """\
Cannot specify --update and --replace at the same time. One of --update or --replace must be false.
  --replace    removes an existing deployment before re-creating it
  --update     performs a rolling update to a new function image or configuration (default true)"""

_NO_TEMPLATE = """\
template directory may be missing or invalid, please run "faas-cli template pull"
Error: """

_ALWAYS = ("service", "image", "labels", "annotations")


def deployment(function: StackFunction) -> dict[str, Any]:
    """Return OpenFaaS's ``FunctionDeployment`` as Go marshals it.

    Empty values are left out, but for labels and annotations.
    """
    fields = {
        "service": function.name,
        "image": function.image,
        "namespace": function.namespace,
        "envProcess": function.fprocess,
        "envVars": _sorted(function.environment),
        "constraints": function.constraints,
        "secrets": function.secrets,
        "labels": _sorted(function.labels),
        "annotations": _sorted(function.annotations),
        "limits": {key: function.limits[key] for key in ("memory", "cpu") if function.limits.get(key)},
        "requests": {key: function.requests[key] for key in ("memory", "cpu") if function.requests.get(key)},
        "readOnlyRootFilesystem": function.readonly_root_filesystem,
    }
    return {name: value for name, value in fields.items() if value or name in _ALWAYS}


def _sorted(values: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(values.items()))


def run_deploy(arguments: Arguments) -> None:
    """Deploy the functions of the stack file, or the flags' function.

    A refused function is an error only after the others have been deployed.
    """
    check_modes(arguments)
    stack = stack_of(arguments)
    statuses = {}
    if stack.functions:
        gateway = Gateway.of(arguments, stack.gateway)
        for function in stack.functions.values():
            echo(f"Deploying: {function.name}.")
            statuses[function.name] = deploy(gateway, _of_stack(function, arguments), arguments)
    else:
        name, image = arguments.text("name"), arguments.text("image")
        if not name or not image:
            raise UsageError("to deploy a function give --yaml/-f or a --image and --name flag")
        statuses[name] = deploy(Gateway.of(arguments), _of_flags(name, image, arguments), arguments)
    raise_failed(statuses)


def check_modes(arguments: Arguments) -> None:
    """Raise a usage error if both ``--update`` and ``--replace`` are on."""
    if arguments.on("update") and arguments.on("replace"):
        echo(_MODES)
        raise UsageError("cannot specify --update and --replace at the same time")


def deploy(gateway: Gateway, function: StackFunction, arguments: Arguments) -> int:
    """Deploy a function, print the outcome and return the status.

    An update is tried first: it replaces an existing function without a gap.
    If there is none, the function is created.
    """
    gateway.warn_of_plain_http()
    if arguments.on("replace"):
        with suppress(GatewayRequestError, HttpRequestError):  # the deployment's own error counts
            remove_function(gateway, function.name, function.namespace)
    method, content = "PUT" if arguments.on("update") else "POST", deployment(function)
    seconds = duration(arguments.text("timeout")) or None
    try:
        reply = gateway.system(method, "/system/functions", content=content, timeout=seconds)
        if method == "PUT" and reply.status == 404:
            reply.close()
            method = "POST"
            reply = gateway.system(method, "/system/functions", content=content, timeout=seconds)
        body = reply.read().decode("utf-8", "replace")
    except OSError as error:
        echo("\nIs OpenFaaS deployed? Do you need to specify the --gateway flag?")
        echo(f"{error}\n")
        return 500
    if method == "PUT" and reply.status == 200:
        echo(f"Function {function.name} already exists, attempting rolling-update.")
    echo()
    if reply.status in (200, 201, 202):
        path = function.name + (f".{function.namespace}" if function.namespace else "")
        echo(f"Deployed. {reply.status} {reply.reason}.")
        echo(f"URL: {gateway.url}/function/{path}")
    elif reply.status == 401:
        echo(UNAUTHORIZED)
    else:
        echo(f"Unexpected status: {reply.status}, message: {body}")
    echo()
    return reply.status


def raise_failed(statuses: Mapping[str, int]) -> None:
    """Raise an error that names the functions without status 200 or 202."""
    failed = [
        f"Function '{name}' failed to deploy with status code: {status}"
        for name, status in statuses.items()
        if status not in (200, 202)
    ]
    if failed:
        raise GatewayRequestError("\n".join(failed))


def _of_stack(function: StackFunction, arguments: Arguments) -> StackFunction:
    """Return a function of the stack file with the flags applied to it.

    The flags for what a stack file has of its own, such as ``--fprocess``,
    ``--image`` or ``--cpu-limit``, have no meaning here (commands/deploy.go).
    """
    secrets = arguments.texts("secret")
    own_environment = full_environment(function)
    labels, environment = key_values(arguments, "label"), key_values(arguments, "env")
    has_constraints = "constraints" in function.present
    fprocess = function.fprocess or _template_process(function, arguments)
    annotations = key_values(arguments, "annotation")
    return replace(
        tagged(function, arguments),
        namespace=arguments.text("namespace") or function.namespace,
        fprocess=fprocess,
        environment={**own_environment, **environment},
        labels={**function.labels, **labels},
        annotations={**function.annotations, **annotations},
        secrets=[*secrets, *(name for name in function.secrets if name not in secrets)],
        constraints=function.constraints if has_constraints else arguments.texts("constraint"),
        readonly_root_filesystem=function.readonly_root_filesystem or arguments.on("readonly"),
    )


def _of_flags(name: str, image: str, arguments: Arguments) -> StackFunction:
    """Return the function that only flags describe."""
    return StackFunction(
        name,
        image=image,
        namespace=arguments.text("namespace"),
        fprocess=arguments.text("fprocess"),
        environment=key_values(arguments, "env"),
        labels=key_values(arguments, "label"),
        annotations=key_values(arguments, "annotation"),
        secrets=arguments.texts("secret"),
        constraints=arguments.texts("constraint"),
        limits=resource_sizes(arguments, "limit"),
        requests=resource_sizes(arguments, "request"),
        readonly_root_filesystem=arguments.on("readonly"),
    )


def _template_process(function: StackFunction, arguments: Arguments) -> str:
    """Return the process that the template of the language names, or ""."""
    language = function.lang
    if language.lower() in ("", "dockerfile") or not arguments.on("read-template"):
        return ""
    folder = find_template(language)
    if folder is None:
        missing = f"stat ./template/{language}/template.yml: no such file or directory"
        raise StackFileError(f"{_NO_TEMPLATE}{missing}")
    try:
        return read_template(folder).fprocess
    except TemplateError as error:
        raise StackFileError(f"{_NO_TEMPLATE}{error.headline}") from error


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
    Flag("timeout", "", "1m0s", "How long to wait for the gateway", check_duration),
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

COMMAND = Verb(
    "Deploy OpenFaaS functions",
    run_deploy,
    flags=FLAGS,
    examples=(
        "faas-cli deploy",
        "faas-cli deploy -f stack.yaml --filter long-task --label canary=true",
        'faas-cli deploy --image functions/alpine:latest --name env --fprocess "env"',
    ),
)
