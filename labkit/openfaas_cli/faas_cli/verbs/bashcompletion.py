"""faas-cli bashcompletion: write bash's completion script to a file."""

from __future__ import annotations

from pathlib import Path

from labkit.openfaas_cli.faas_cli.completion_scripts import BASH
from labkit.openfaas_cli.faas_cli.go_errors import os_error_text
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.pflag import Arguments
from labkit_services.contract.errors import LabError


class CompletionFileError(LabError, OSError):
    """Unable to create bash completion file."""


def _run(arguments: Arguments) -> None:
    file = arguments.first_word("please provide filename for bash completion")
    try:
        Path(file).write_text(BASH, encoding="utf-8")
    except OSError as error:
        message = "unable to create bash completion file"
        raise CompletionFileError(message, seen=os_error_text("open", file, error)) from error


COMMAND = Verb("Write bash's completion script to a file", _run, words="FILENAME")
