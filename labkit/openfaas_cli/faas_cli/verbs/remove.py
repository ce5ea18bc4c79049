"""faas-cli remove: have the gateway forget functions."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Command
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayError, status_error
from labkit.openfaas_cli.faas_cli.output import say
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.pflag import Arguments, UsageError


def remove_function(gateway: Gateway, name: str, namespace: str, token: str = "") -> GatewayError | None:
    """Remove one function and say so; return what went wrong, if anything did."""
    content = {"functionName": name, **({"namespace": namespace} if namespace else {})}
    try:
        response, body = gateway.answer("DELETE", "/system/functions", content=content, token=token)
    except GatewayError as error:
        return error
    if response.status in (200, 201, 202):
        say("Removing old function.")
        return None
    if response.status == 404:
        return GatewayError("No existing function to remove")
    return status_error(response.status, body)


def _run(arguments: Arguments) -> None:
    stack = None if arguments.words else stack_of(arguments)
    gateway = Gateway.of(arguments, stack.gateway if stack else "")
    namespace, token = arguments.text("namespace"), arguments.text("token")
    if stack and stack.functions:
        for function in stack.functions.values():
            place = namespace or function.namespace
            say(f"Deleting: {function.name}.{place}")
            # The real one drops errors here, so that all of a stack is gone through.
            if error := remove_function(gateway, function.name, place, token=token):
                say(error.headline)
        return
    if not arguments.words:
        raise UsageError("please provide the name of a function to delete")
    say(f"Deleting: {arguments.words[0]}.{namespace}")
    if error := remove_function(gateway, arguments.words[0], namespace, token=token):
        raise error


COMMAND = Command(
    words="FUNCTION_NAME",
    short="Remove deployed OpenFaaS functions",
    run=_run,
    aliases=("rm", "delete"),
    flags=(ENVSUBST, NAMESPACE, *GATEWAY_FLAGS),
    examples=("faas-cli remove figlet", "faas-cli remove -f stack.yaml"),
)
