"""faas-cli plugin: fetch a plugin, which needs a container registry."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.not_in_lab import NotInLabVerbError
from labkit.openfaas_cli.faas_cli.verb import Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag


def _get(arguments: Arguments) -> None:
    name = arguments.first_word("please provide the name of the plugin")
    raise NotInLabVerbError(
        "plugin get",
        "a container registry",
        f"a program {name} in ~/.openfaas/plugins runs as faas-cli {name}",
    )


COMMAND = Group(
    "Plugins of faas-cli (from a container registry: not in the lab)",
    {
        "get": Verb(
            "Fetch a plugin",
            _get,
            flags=(
                Flag("arch", "", "", "Architecture of the plugin; by default this machine's"),
                Flag("os", "", "", "Operating system of the plugin; by default this machine's"),
                Flag("path", "", "$HOME/.openfaas/plugins", "Folder of the plugins"),
                Flag("registry", "", "ghcr.io/openfaasltd", "The container registry"),
                Flag("verbose", "v", False, "Print each step"),
                Flag("version", "", "latest", "Version of the plugin"),
            ),
            words="NAME",
        )
    },
    alone="Run plugin get --help",
)
