"""One row of the table of invocations, and what rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One invocation.

    ``FN`` stands for the row's own name, ``ECHO`` for a function that echoes its
    input, ``GW`` for the gateway's URL; in output, ``…`` stands for anything on a
    line and ``⋮`` for any lines.

    Attributes:
        name: The behaviour.
        run: The command line, without ``faas-cli``.
        prints: Standard output.
        code: The exit code.
        body: Standard input.
        given: The shell commands that run before.
        after: The shell commands that run afterwards, to clean up the shared lab.
        files: The files that exist before, by name.
        error: Standard error.
        variables: Variables of the environment.
        writes: The files that exist afterwards, by name; compared as ``prints`` is.
    """

    name: str
    run: str
    prints: str = ""
    code: int = 0
    body: str = ""
    given: str = ""
    after: str = ""
    files: Mapping[str, str] = {}
    error: str = ""
    variables: Mapping[str, str] = {}
    writes: Mapping[str, str] = {}


def stack(*functions: str, head: str = "version: 1.0\nprovider:\n  name: openfaas\n") -> str:
    """Return a stack file; a function is its name, perhaps with more lines."""
    text = head + "functions:\n"
    for function in functions:
        name, *more = function.split("\n")
        text += f"  {name}:\n    lang: dockerfile\n    handler: ./{name}\n    image: me/{name}:latest\n"
        text += "".join(f"    {line}\n" for line in more)
    return text


DEPLOY = "faas-cli deploy --image=functions/alpine:latest --name FN"
REMOVE = "faas-cli remove FN"
ENV = f"{DEPLOY} --fprocess=env"
DEPLOYED = "\nDeployed. 202 Accepted.\nURL: GW/function/FN\n\n"
CAT = "FROM alpine\nENV fprocess=cat\n"
BUILT = {"stack.yaml": stack("FN"), "FN/Dockerfile": CAT}
DOWN = "http://127.0.0.1:1"
NO_ANSWER = f"Cannot connect to OpenFaaS on URL: {DOWN}\n⋮"


def env_row(name: str, run: str, prints: str, code: int = 0, **more: Any) -> Row:
    """Return a row with a function ``FN`` that prints its environment."""
    return Row(name, run, prints, code, given=ENV, after=REMOVE, **more)
