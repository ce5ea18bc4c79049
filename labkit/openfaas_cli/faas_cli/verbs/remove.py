"""faas-cli remove: remove functions from the gateway."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments


def remove_function(gateway: Gateway, name: str, namespace: str) -> None:
    """Remove one function; raise an error if there is none of that name."""
    content = {"functionName": name, **({"namespace": namespace} if namespace else {})}
    gateway.checked("DELETE", "/system/functions", content=content, missing="No existing function to remove")
    echo("Removing old function.")


def _run(arguments: Arguments) -> None:
    stack = None if arguments.words else stack_of(arguments)
    gateway = Gateway.of(arguments, stack.gateway if stack else "")
    namespace = arguments.text("namespace")
    if stack and stack.functions:
        for function in stack.functions.values():
            function_namespace = namespace or function.namespace
            echo(f"Deleting: {function.name}.{function_namespace}")
            try:
                remove_function(gateway, function.name, function_namespace)
            except GatewayRequestError as error:
                echo(error.headline)  # as in the real one, the others of the stack are still removed
        return
    name = arguments.first_word("please provide the name of a function to delete")
    echo(f"Deleting: {name}.{namespace}")
    remove_function(gateway, name, namespace)


COMMAND = Verb(
    "Remove deployed OpenFaaS functions",
    _run,
    words="FUNCTION_NAME",
    flags=(ENVSUBST, NAMESPACE, *GATEWAY_FLAGS),
    examples=("faas-cli remove figlet", "faas-cli remove -f stack.yaml"),
)
