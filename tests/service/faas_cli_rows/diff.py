"""Rows for ``diff``."""

from __future__ import annotations

from faas_cli_rows.row import DOWN, NO_ANSWER, Row

STACK = """\
version: 1.0
provider:
  name: openfaas
functions:
  FN:
    image: functions/alpine:latest
    fprocess: env
    environment:
      A: "1"
    environment_file: [more.yaml]
    labels:
      canary: "true"
    annotations:
      topic: orders
    limits:
      cpu: 100m
      memory: 64Mi
"""
FILES = {"stack.yaml": STACK, "more.yaml": "environment:\n  B: '2'\n"}
LIMITS = "    limits:\n"
REMOVE = "faas-cli remove"
EDGE = "  -----------------------------------------+-----------------------------------------\n"
HEAD = "  stack.yaml                               | deployed                                \n" + EDGE


def changed(name: str, old: str, new: str, line: str) -> Row:
    """Return a row whose stack file has ``new`` for the deployed ``old``."""
    return Row(
        f"diff shows {name}",
        "diff",
        f"FN\n⋮{line}\n\nDifferences found\n",
        1,
        given="faas-cli deploy -f deployed.yaml",
        after=REMOVE,
        files={**FILES, "deployed.yaml": STACK, "stack.yaml": STACK.replace(old, new)},
    )


DIFF = [
    Row(
        "diff right after a deploy finds nothing",
        "diff",
        "YAML matches deployment, no differences found.\n",
        given="faas-cli deploy",
        after=REMOVE,
        files=FILES,
    ),
    Row(
        "diff --env all right after a deploy finds nothing",
        "diff --env all",
        "YAML matches deployment, no differences found.\n",
        given="faas-cli deploy",
        after=REMOVE,
        files=FILES,
    ),
    Row(
        "diff right after a deploy to another namespace finds nothing",
        "diff",
        "YAML matches deployment, no differences found.\n",
        given="faas-cli namespace create FN; faas-cli deploy",
        after="faas-cli remove; faas-cli namespace remove FN",
        files={**FILES, "stack.yaml": STACK.replace("  FN:\n", "  FN:\n    namespace: FN\n")},
    ),
    Row(
        "diff of a function that is not deployed",
        "diff",
        f"FN\n{HEAD}"
        "  - function: defined in stack.yaml        | + function: not deployed                \n"
        "\nDifferences found\n",
        1,
        files=FILES,
    ),
    Row(
        "diff asks only for the functions",
        "diff",
        "YAML matches⋮",
        error="GET GW/system/functions\nUser-Agent: [faas-cli/0.18.12]\nAuthorization: [Basic [REDACTED]]\n",
        given="faas-cli deploy",
        after=REMOVE,
        files=FILES,
        variables={"FAAS_DEBUG": "1"},
    ),
    Row(
        "diff -n looks in that namespace",
        "diff -n FN",
        f"FN.FN\n{HEAD}⋮+ function: not deployed⋮\nDifferences found\n",
        1,
        given="faas-cli namespace create FN; faas-cli deploy",
        after="faas-cli remove; faas-cli namespace remove FN",
        files=FILES,
    ),
    changed(
        "another image",
        "alpine:latest",
        "alpine:1",
        HEAD + "  - image: functions/alpine:1              | + image: functions/alpine:latest        ",
    ),
    changed("another process", "fprocess: env", "fprocess: cat", "  - fprocess: cat … | + fprocess: env…"),
    changed("a changed variable", 'A: "1"', 'A: "3"', "  - env.A: 3 … | + env.A: 1…"),
    changed("a new label", "canary:", "new: x\n      canary:", "  - label.new: x … | …"),
    changed("a removed label", 'canary: "true"', "{}", "… | + label.canary: true…"),
    changed(
        "another annotation", "orders", "users", "  - annotation.topic: users … | + annotation.topic: orders…"
    ),
    changed("another limit", "64Mi", "32Mi", "  - limits.memory: 32Mi … | + limits.memory: 64Mi…"),
    changed("a secret", LIMITS, f"    secrets: [key]\n{LIMITS}", "  - secret.key: present … | …"),
    changed("a constraint", LIMITS, f"    constraints: [a=b]\n{LIMITS}", "  - constraint.a=b: present … | …"),
    changed(
        "a read-only root",
        LIMITS,
        f"    readonly_root_filesystem: true\n{LIMITS}",
        "  - readonly_root_filesystem: true … | + readonly_root_filesystem: false…",
    ),
    Row("diff without a stack file", "diff", "No YAML file specified - use -f to provide a stack.yaml\n", 1),
    Row("diff --env of another mode", "diff --env x", "Unknown env diff mode: x\n", 1, files=FILES),
    Row(
        "diff of a stack without functions",
        "diff",
        "No functions found in stack.yaml\n",
        1,
        files={"stack.yaml": "version: 1.0\nprovider:\n  name: openfaas\n"},
    ),
    Row("diff without a gateway", f"diff -g {DOWN}", NO_ANSWER, 1, files=FILES),
]
