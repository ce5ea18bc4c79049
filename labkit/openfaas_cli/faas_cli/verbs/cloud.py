"""faas-cli cloud: seal a secret for OpenFaaS Cloud, which needs kubeseal."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.not_in_lab import NotInLabVerbError
from labkit.openfaas_cli.faas_cli.verb import Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _seal(arguments: Arguments) -> None:
    if not arguments.text("name") and not arguments.on("download"):
        raise UsageError("--name is required")
    raise NotInLabVerbError(
        "cloud seal",
        "kubeseal and a Kubernetes cluster",
        "a secret of the lab needs no seal: faas-cli secret create",
    )


COMMAND = Group(
    "OpenFaaS Cloud (for Kubernetes: not in the lab)",
    {
        "seal": Verb(
            "Seal a secret for a git repository",
            _seal,
            flags=(
                Flag("cert", "c", "pub-cert.pem", "File of the public certificate"),
                Flag("download", "", False, "Download kubeseal"),
                Flag("download-version", "", "", "Version of kubeseal to download"),
                Flag("from-file", "i", [], "File with a value; may be given more than once"),
                Flag("literal", "l", [], "A value, KEY=VALUE; may be given more than once"),
                Flag("name", "", "", "Name of the secret"),
                Flag("namespace", "n", "openfaas-fn", "Namespace of the secret"),
                Flag("output-file", "o", "secrets.yml", "File to write"),
            ),
        )
    },
)
