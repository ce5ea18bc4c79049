"""faas-cli remove: remove functions from the gateway."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, UsageError


def remove_function(gateway: Gateway, name: str, namespace: str) -> GatewayRequestError | None:
    """Remove one function and print that; return the error if it failed."""
    content = {"functionName": name, **({"namespace": namespace} if namespace else {})}
    try:
        reply, body = gateway.exchange("DELETE", "/system/functions", content=content)
    except GatewayRequestError as error:
        return error
    if reply.status in (200, 201, 202):
        echo("Removing old function.")
        return None
    if reply.status == 404:
        return GatewayRequestError("No existing function to remove")
    return status_error(reply.status, body)


def _run(arguments: Arguments) -> None:
    stack = None if arguments.words else stack_of(arguments)
    gateway = Gateway.of(arguments, stack.gateway if stack else "")
    namespace = arguments.text("namespace")
    if stack and stack.functions:
        for function in stack.functions.values():
            function_namespace = namespace or function.namespace
            echo(f"Deleting: {function.name}.{function_namespace}")
            # As in the real one, an error does not keep the others of a stack from being removed.
            if error := remove_function(gateway, function.name, function_namespace):
                echo(error.headline)
        return
    if not arguments.words:
        raise UsageError("please provide the name of a function to delete")
    echo(f"Deleting: {arguments.words[0]}.{namespace}")
    if error := remove_function(gateway, arguments.words[0], namespace):
        raise error


COMMAND = Verb(
    "Remove deployed OpenFaaS functions",
    _run,
    words="FUNCTION_NAME",
    flags=(ENVSUBST, NAMESPACE, *GATEWAY_FLAGS),
    examples=("faas-cli remove figlet", "faas-cli remove -f stack.yaml"),
)
