"""faas-cli generate: print functions as Kubernetes resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.go_yaml import GoDumper
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFunction, stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, NAMESPACE, Verb
from labkit.openfaas_cli.faas_cli.verbs.deploy import deployment
from labkit.openfaas_cli.faas_cli.verbs.store import StoreError, store_functions
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_API = "openfaas.com/v1"
_SPEC_KEYS = (
    *("name", "image", "environment", "labels", "annotations", "limits", "requests", "constraints"),
    *("secrets", "readOnlyRootFilesystem"),
)


def resource(function: StackFunction, namespace: str) -> dict[str, Any]:
    """Return OpenFaaS's ``Function`` resource, without empty values.

    It has no ``fprocess``: in a cluster, the image determines the process.
    """
    fields = deployment(function) | {"name": function.name, "environment": function.environment}
    return {
        "apiVersion": _API,
        "kind": "Function",
        "metadata": {"name": function.name, "namespace": namespace},
        "spec": {key: fields[key] for key in _SPEC_KEYS if fields.get(key)},
    }


def document(content: Mapping[str, Any]) -> str:
    """Return a YAML document; maps are sorted, the spec's keys are not."""
    spec = {
        name: dict(sorted(value.items())) if isinstance(value, dict) else value
        for name, value in content["spec"].items()
    }
    text: str = yaml.dump({**content, "spec": spec}, Dumper=GoDumper, sort_keys=False, allow_unicode=True)
    return f"---\n{text}"


def _run(arguments: Arguments) -> None:
    if arguments.text("api") != _API:
        raise UsageError(f"--api {arguments.text('api')} is not supported", expected=_API)
    name = arguments.text("from-store")
    functions = {name: _of_store(name, arguments)} if name else stack_of(arguments).functions
    if not functions:
        raise UsageError("you must supply a valid YAML file, or a function of the store with --from-store")
    namespace = arguments.text("namespace")
    documents = [
        document(resource(tagged(item, arguments), namespace or item.namespace or DEFAULT_NAMESPACE))
        for _, item in sorted(functions.items())
    ]
    echo("".join(documents))


def _of_store(name: str, arguments: Arguments) -> StackFunction:
    found = [item for item in store_functions() if item.get("name") == name]
    if not found:
        raise StoreError(
            f"unable to find '{name}' in store", next_step="list its functions with faas-cli store list"
        )
    images, arch = found[0].get("images") or {}, arguments.text("arch")
    if arch not in images:
        raise StoreError(f"image for {arch} not found in store. \noptions: [{' '.join(images)}]")
    return StackFunction(
        name=name,
        image=images[arch],
        environment=found[0].get("environment") or {},
        labels=found[0].get("labels") or {},
        annotations={**(found[0].get("annotations") or {}), **key_values(arguments, "annotation")},
    )


COMMAND = Verb(
    "Print functions as Kubernetes resources; nothing is deployed",
    _run,
    flags=(
        Flag("annotation", "", [], "Annotation for a function of the store, NAME=VALUE"),
        Flag("api", "", _API, "API version of the resources"),
        Flag("arch", "", "x86_64", "Platform of the image of a function of the store"),
        ENVSUBST,
        Flag("from-store", "", "", "Use a function of the store instead of the stack file"),
        NAMESPACE,
        TAG,
    ),
    examples=("faas-cli generate", "faas-cli generate --from-store figlet -n dev"),
)
