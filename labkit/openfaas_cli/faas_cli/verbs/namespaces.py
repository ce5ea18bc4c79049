"""faas-cli namespaces: the older name of ``namespace list``."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.faas_cli.verbs.namespace import FLAGS, run_list
from labkit.openfaas_cli.pflag import Arguments


def _run(arguments: Arguments) -> None:
    warn('Command "namespaces" is deprecated, This has moved to "faas-cli namespace list".')
    run_list(arguments)


COMMAND = Verb("List the namespaces", _run, flags=FLAGS)
