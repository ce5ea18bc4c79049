"""faas-cli chart: export OpenFaaS's Helm charts, which needs Helm."""

from __future__ import annotations

import shutil

from labkit.openfaas_cli.faas_cli.not_in_lab import NotInLabVerbError
from labkit.openfaas_cli.faas_cli.verb import Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _export(_: Arguments) -> None:
    if shutil.which("helm") is None:
        raise UsageError("helm is required but was not found in PATH")
    raise NotInLabVerbError("chart export", "OpenFaaS's charts for Kubernetes")


COMMAND = Group(
    "OpenFaaS's Helm charts (for Kubernetes: not in the lab)",
    {
        "export": Verb(
            "Write the resources of a chart to files",
            _export,
            flags=(
                Flag("crds", "", True, "Write CustomResourceDefinitions too"),
                Flag("namespace", "n", "", "Namespace of the resources"),
                Flag("output", "o", "./yaml", "Folder of the files"),
                Flag("release", "", "openfaas", "Name of the release"),
                Flag("set", "", [], "A value of the chart, KEY=VALUE; may be given more than once"),
                Flag("values", "", [], "A file of values; may be given more than once"),
            ),
            words="[CHART_NAME]",
        )
    },
)
