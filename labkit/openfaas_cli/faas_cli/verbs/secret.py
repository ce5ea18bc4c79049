"""faas-cli secret: create, change, remove and list functions' secrets."""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.arguments import resource_name
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.go_errors import os_error_text
from labkit.openfaas_cli.faas_cli.not_in_lab import NotInLabVerbError
from labkit.openfaas_cli.faas_cli.output import echo, read_input
from labkit.openfaas_cli.faas_cli.secrets import (
    BAD_NAME,
    SecretFileError,
    create_secret,
    is_secret_name,
    list_secrets,
    reference,
    remove_secret,
    secret_gateway,
    secret_value,
    update_secret,
)
from labkit.openfaas_cli.faas_cli.verb import GATEWAY_FLAGS, NAMESPACE, Group, Verb
from labkit.openfaas_cli.faas_cli.verbs.secret_files import run_apply, run_generate
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError

_SECRET = (go_json.Field("name", ""), *go_json.left_out("namespace", "value", "rawValue"))


def _create(arguments: Arguments) -> None:
    """Create a secret, or with ``--replace`` update it.

    As with the real one, the gateway's response is printed, and the exit code
    is 0 even for an error.
    """
    name = _name(arguments)
    if not is_secret_name(name):
        raise UsageError(BAD_NAME.format(name))
    secret, gateway = _secret(name, arguments), secret_gateway(arguments)
    echo(f"Creating secret: {name}.{arguments.text('namespace')}")
    status, outcome = create_secret(gateway, secret)
    if status == 409 and arguments.on("replace"):
        echo(f"Secret {name} already exists, updating...")
        outcome = update_secret(gateway, secret)
    sys.stdout.write(outcome)


def _update(arguments: Arguments) -> None:
    """Replace a secret's value; exit code 0 as with ``create``.

    Only ``create`` sends a file's bytes: here, too, the real one sends text.
    """
    name = _name(arguments)
    gateway = secret_gateway(arguments)
    secret = _secret(name, arguments, "unable to read secret file: ")
    secret.pop("rawValue", None)
    echo(f"Updating secret: {name}")
    sys.stdout.write(update_secret(gateway, secret))


def _name(arguments: Arguments) -> str:
    name = resource_name(arguments, "secret")
    if arguments.text("from-literal") and arguments.text("from-file"):
        raise UsageError(
            "please provide secret using only one option from --from-literal, --from-file and STDIN"
        )
    return name


def _seal(arguments: Arguments) -> None:
    _one_word(arguments)
    if not arguments.texts("from-literal") and not arguments.texts("from-file"):
        raise UsageError("provide at least one secret via --from-literal or --from-file")
    _no_cipher("seal")


def _unseal(arguments: Arguments) -> None:
    _one_word(arguments)
    _no_cipher("unseal")


def _one_word(arguments: Arguments) -> None:
    if len(arguments.words) != 1:
        raise UsageError(f"accepts 1 arg(s), received {len(arguments.words)}")


def _no_cipher(verb: str) -> None:
    raise NotInLabVerbError(
        f"secret {verb}",
        "the cipher NaCl box, and a builder that unseals",
        "a secret of a function needs no seal: faas-cli secret create",
    )


def _remove(arguments: Arguments) -> None:
    name = resource_name(arguments, "secret")
    remove_secret(secret_gateway(arguments), reference(arguments, name))
    echo("Removed.. OK.")


def _list(arguments: Arguments) -> None:
    # The warning would not be JSON.
    gateway = Gateway.of(arguments) if arguments.on("json") else secret_gateway(arguments)
    secrets = list_secrets(gateway, arguments.text("namespace"))
    if arguments.on("json"):
        echo(go_json.indented([go_json.struct(_SECRET, secret) for secret in secrets]))
        return
    if not secrets:
        echo("No secrets found.")
        return
    for line in ("", "NAME", *(secret["name"] for secret in secrets), ""):
        echo(line)


def _secret(name: str, arguments: Arguments, unreadable: str = "") -> dict[str, Any]:
    """Return a secret's JSON, with the value of flag, file or stdin.

    A file's bytes are sent unchanged as ``rawValue``. ``value`` beside it,
    without white space around it, is for gateways older than that field.
    ``unreadable`` starts the error about a file that cannot be read.
    """
    literal, file = arguments.text("from-literal"), arguments.text("from-file")
    if literal:
        raw = literal.encode("utf-8", "surrogateescape")
    elif file:
        try:
            raw = Path(file).read_bytes()
        except OSError as error:
            operation = "read" if isinstance(error, IsADirectoryError) else "open"
            raise SecretFileError(unreadable + os_error_text(operation, file, error)) from error
    else:
        raw = read_input()
    value = secret_value(raw, trim=arguments.on("trim"))
    if not value:
        raise UsageError("must provide a non empty secret via --from-literal, --from-file or STDIN")
    secret = {**reference(arguments, name), "value": value}
    return secret | ({"rawValue": b64encode(raw).decode()} if file else {})


_FLAGS = (NAMESPACE, *GATEWAY_FLAGS)
_TRIM = Flag("trim", "", True, "Remove white space from both ends of the value; a file's bytes stay")
_VALUE = (
    Flag("from-file", "", "", "File that holds the secret's value"),
    Flag("from-literal", "", "", "Value of the secret"),
    _TRIM,
)
_REPLACE = Flag("replace", "", False, "Update the secret if it exists")

COMMAND = Group(
    "Manage the secrets of functions",
    {
        "create": Verb(
            "Create a secret from a flag, a file or standard input",
            _create,
            (*_VALUE, _REPLACE, *_FLAGS),
            "SECRET_NAME",
            (
                "faas-cli secret create api-key --from-literal=VALUE",
                "faas-cli secret create api-key --from-file=key.txt --replace",
                "faas-cli secret create api-key < key.txt",
            ),
        ),
        "apply": Verb(
            "Send each file of the folder .secrets to the gateway as a secret of its name",
            run_apply,
            (_TRIM, *_FLAGS),
            examples=("faas-cli secret apply", "faas-cli secret apply --namespace dev"),
        ),
        "generate": Verb(
            "Print a random value, for a key or a password",
            run_generate,
            (
                Flag("length", "", 32, "Number of random bytes; each is printed as two hexadecimal digits"),
                Flag("output", "o", "", "File to write instead"),
            ),
            examples=("faas-cli secret generate", "faas-cli secret generate -o .secrets/api-key"),
        ),
        "keygen": Verb(
            "Make a key pair for sealing (not in the lab)",
            lambda _: _no_cipher("keygen"),
            (Flag("output", "o", "key", "File of the private key; .pub is added for the public one"),),
        ),
        "seal": Verb(
            "Seal secrets of a build in a file (not in the lab)",
            _seal,
            (
                Flag("from-file", "", [], "A secret's file, KEY=PATH; may be given more than once"),
                Flag("from-literal", "", [], "A secret, KEY=VALUE; may be given more than once"),
                Flag("key-id", "", "", "Name of the key"),
                Flag("output", "o", "com.openfaas.secrets", "File to write"),
            ),
            "[public-key-file]",
        ),
        "unseal": Verb(
            "Print the secrets of a sealed file (not in the lab)",
            _unseal,
            (
                Flag("in", "", "com.openfaas.secrets", "The sealed file"),
                Flag("key", "", "", "Only this secret"),
            ),
            "[private-key-file]",
        ),
        "update, u": Verb(
            "Replace the value of a secret",
            _update,
            (*_VALUE, *_FLAGS),
            "SECRET_NAME",
            ("faas-cli secret update api-key --from-literal=VALUE",),
        ),
        "remove, rm, delete": Verb(
            "Remove a secret", _remove, _FLAGS, "SECRET_NAME", ("faas-cli secret remove api-key",)
        ),
        "list, ls": Verb(
            "List the names of the secrets",
            _list,
            (Flag("json", "j", False, "Print the secrets as JSON"), *_FLAGS),
            examples=("faas-cli secret list", "faas-cli secret list --json"),
        ),
    },
    examples=("faas-cli secret list",),
)
