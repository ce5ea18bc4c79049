"""faas-cli namespace: where functions live."""

from __future__ import annotations

from labkit.faas_cli.command import ENVSUBST, GATEWAY, TLS, TOKEN, Command
from labkit.faas_cli.gateway import Gateway
from labkit.faas_cli.output import say
from labkit.faas_cli.stack import stack_of
from labkit.flags import Arguments


def _list(arguments: Arguments) -> None:
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    say("Namespaces:")
    for name in gateway.fetch("/system/namespaces", token=arguments.text("token")):
        say(f" - {name}")


COMMAND = Command(
    use="namespace [command]",
    short="Manage the namespaces of functions",
    # `faas-cli namespaces`, the older form, lists them.
    run=_list,
    aliases=("namespaces",),
    flags=(
        ENVSUBST,
        GATEWAY,
        TLS,
        TOKEN,
    ),
    subcommands={
        "list": Command(
            use="namespace list [flags]",
            short="List the namespaces",
            run=_list,
            aliases=("ls",),
            flags=(
                ENVSUBST,
                GATEWAY,
                TLS,
                TOKEN,
            ),
            examples=("faas-cli namespace list",),
        )
    },
)
