"""faas-cli generate: print functions as Kubernetes resources."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFunction, full_environment, stack_of
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, Verb
from labkit.openfaas_cli.faas_cli.verbs.store import StoreError, store_functions
from labkit.openfaas_cli.go_yaml.encoder import marshal, sorted_map
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_OPENFAAS_API = "openfaas.com/v1"
_KNATIVE_API = "serving.knative.dev/v1"
_NO_FILE = """\
No "stack.yaml" or "stack.yml" file was found in the current directory.
Use "--yaml" / "-f" to specify a custom filename.

Alternatively, to generate a definition for store functions, use "--from-store\""""


def resource(function: StackFunction, api: str, namespace: str) -> dict[str, Any]:
    """Return a function as a resource of OpenFaaS or of Knative.

    Its environment has to be complete. It has no ``fprocess``: in a cluster,
    the image determines the process.
    """
    metadata = {"name": function.name, **({"namespace": namespace} if namespace else {})}
    if api == _KNATIVE_API:
        annotations = {"annotations": sorted_map(function.annotations)} if function.annotations else {}
        spec = {"template": {"spec": _knative_pod(function)}}
        return {"apiVersion": api, "kind": "Service", "metadata": metadata | annotations, "spec": spec}
    return {"apiVersion": api, "kind": "Function", "metadata": metadata, "spec": _function_spec(function)}


def _function_spec(function: StackFunction) -> dict[str, Any]:
    """Return OpenFaaS's spec, with what the stack file sets to nothing."""
    fields = {
        "environment": sorted_map(function.environment),
        "labels": sorted_map(function.labels),
        "annotations": sorted_map(function.annotations),
        "limits": _sizes(function, "limits"),
        "requests": _sizes(function, "requests"),
        "constraints": function.constraints,
        "secrets": function.secrets,
        "readOnlyRootFilesystem": function.readonly_root_filesystem,
    }
    shown_empty = function.present & {"labels", "annotations", "constraints"}
    return {
        "name": function.name,
        "image": function.image,
        **{name: value for name, value in fields.items() if value or name in shown_empty},
    }


def _sizes(function: StackFunction, kind: str) -> dict[str, str]:
    sizes = function.limits if kind == "limits" else function.requests
    if not sizes and kind not in function.present:
        return {}
    return {name: sizes.get(name, "") for name in ("memory", "cpu")}


def _knative_pod(function: StackFunction) -> dict[str, Any]:
    container: dict[str, Any] = {"image": function.image}
    if function.environment:
        container["env"] = [
            {"name": name, "value": value} for name, value in sorted(function.environment.items())
        ]
    if not function.secrets:
        return {"containers": [container]}
    container["volumeMounts"] = [
        {"name": secret, "mountPath": f"/var/openfaas/secrets/{secret}", "readOnly": True}
        for secret in function.secrets
    ]
    volumes = [{"name": secret, "secret": {"secretName": secret}} for secret in function.secrets]
    return {"containers": [container], "volumes": volumes}


def _run(arguments: Arguments) -> None:
    api = arguments.text("api")
    if not api:
        raise UsageError("you must supply the API version with the --api flag")
    annotations, labels = key_values(arguments, "annotation"), key_values(arguments, "label")
    if arguments.text("from-store"):
        function = _of_store(arguments, annotations, labels)
        functions = {function.name: function}
    elif stack_file(arguments) is None:
        raise UsageError(_NO_FILE)
    else:
        functions = dict(stack_of(arguments).functions)
    documents = [
        "---\n" + marshal(resource(_complete(function, arguments), api, arguments.text("namespace")))
        for _, function in sorted(functions.items())
    ]
    if documents:
        echo("".join(documents))


def _complete(function: StackFunction, arguments: Arguments) -> StackFunction:
    return tagged(replace(function, environment=full_environment(function)), arguments)


def _of_store(arguments: Arguments, annotations: dict[str, str], labels: dict[str, str]) -> StackFunction:
    """Return a function of the store; flags add annotations and labels."""
    if arguments.text("tag") == "digest":
        raise UsageError("digest tag format is not supported for store functions")
    name = arguments.text("from-store")
    item = next((item for item in store_functions() if item.get("name") == name), None)
    if item is None:
        raise StoreError(f"unable to find '{name}' in store")
    images, arch = item.get("images") or {}, arguments.text("arch")
    if arch not in images:
        raise StoreError(f"image for {arch} not found in store. \noptions: [{' '.join(images)}]")
    process = {"fprocess": item["fprocess"]} if item.get("fprocess") else {}
    return StackFunction(
        name=arguments.text("name") or name,
        image=images[arch],
        environment={**process, **(item.get("environment") or {})},
        labels={**(item.get("labels") or {}), **labels},
        annotations={**(item.get("annotations") or {}), **annotations},
        present=frozenset({"labels", "annotations"}),
    )


COMMAND = Verb(
    "Print functions as Kubernetes resources; nothing is deployed",
    _run,
    flags=(
        Flag("annotation", "", [], "Annotation for a function of the store, NAME=VALUE"),
        Flag("api", "", _OPENFAAS_API, f"API version of the resources, or {_KNATIVE_API}"),
        Flag("arch", "", "x86_64", "Platform of the image of a function of the store"),
        ENVSUBST,
        Flag("from-store", "", "", "Use a function of the store instead of the stack file"),
        Flag("label", "", [], "Label for a function of the store, NAME=VALUE"),
        Flag("name", "", "", "Name of the resource of a function of the store"),
        Flag("namespace", "n", DEFAULT_NAMESPACE, "Namespace of the resources"),
        TAG,
    ),
    examples=("faas-cli generate", "faas-cli generate --from-store figlet -n dev"),
)
