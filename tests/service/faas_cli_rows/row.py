"""What a row is, and what rows have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """One invocation.

    ``FN`` stands for a name of the row's own, ``ECHO`` for a function that gives back what it gets,
    ``GW`` for the gateway's URL; in what is printed, ``…`` for anything on a line and ``⋮`` for any lines.

    Attributes:
        name: What it shows.
        run: The command line, without ``faas-cli``.
        prints: On standard output.
        code: The exit code.
        body: Standard input.
        given: What a shell runs before.
        after: What a shell runs afterwards, to leave nothing in the shared lab.
        files: That are there before, by name.
        error: On standard error.
        variables: Of the environment.
        writes: Files that are there afterwards, by name; compared as ``prints`` is.
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
