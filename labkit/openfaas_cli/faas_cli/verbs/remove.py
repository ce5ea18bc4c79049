"""faas-cli remove: remove functions from the gateway."""

from __future__ import annotations

from contextlib import suppress

from labkit.openfaas_cli.faas_cli.gateway import UNAUTHORIZED, Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.http import HttpRequestError
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments


def remove_function(gateway: Gateway, name: str, namespace: str) -> None:
    """Remove one function; raise an error if there is none of that name."""
    content = {"functionName": name, **({"namespace": namespace} if namespace else {})}
    try:
        reply = gateway.system("DELETE", "/system/functions", content=content)
        body = b"" if reply.status in (200, 201, 202, 401, 404) else reply.read()
        reply.close()
    except HttpRequestError as error:
        place = f"gateway={gateway.url}, functionName={name}"
        echo(f"Error removing existing function: {error.headline}, {place}")
        raise
    if reply.status == 404:
        raise GatewayRequestError("No existing function to remove")
    if reply.status == 401:
        raise GatewayRequestError(UNAUTHORIZED)
    if reply.status not in (200, 201, 202):
        text = body.decode("utf-8", "replace")
        raise GatewayRequestError(f"Server returned unexpected status code {reply.status} {text}")
    echo("Removing old function.")


def _run(arguments: Arguments) -> None:
    stack = None if arguments.words else stack_of(arguments)
    gateway = Gateway.of(arguments, stack.gateway if stack else "")
    namespace = arguments.text("namespace")
    if stack and stack.functions:
        for function in stack.functions.values():
            function_namespace = namespace or function.namespace
            echo(f"Deleting: {function.name}.{function_namespace}")
            with suppress(GatewayRequestError, HttpRequestError):  # the real one drops them, too
                remove_function(gateway, function.name, function_namespace)
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
