"""faas-cli local-run: stub."""

from labkit.openfaas_cli.faas_cli.verb import Verb

COMMAND = Verb("Run", lambda _: None)
