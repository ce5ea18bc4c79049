"""faas-cli login: check and save the password of a gateway."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli import login_store
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.go_time import check_duration, duration
from labkit.openfaas_cli.faas_cli.output import echo, read_quietly
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, TLS, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _run(arguments: Arguments) -> None:
    user, password = arguments.text("username"), arguments.text("password")
    if not user:
        raise UsageError("must provide --username or -u")
    if password:
        echo(
            "WARNING! Using --password is insecure, consider using: "
            "cat ~/faas_pass.txt | faas-cli login -u user --password-stdin"
        )
        if arguments.on("password-stdin"):
            raise UsageError("--password and --password-stdin are mutually exclusive")
    if arguments.on("password-stdin"):
        password = read_quietly().decode("utf-8", "surrogateescape")
    password = password.strip()
    if not password:
        raise UsageError("must provide a non-empty password via --password or --password-stdin")
    echo("Calling the OpenFaaS server to validate the credentials...")
    gateway = Gateway.of(arguments)
    gateway.warn_of_plain_http()
    token = login_store.encode(user, password)
    try:
        reply = gateway.send(
            "GET",
            "/system/functions",
            headers=[("Authorization", f"Basic {token}")],
            timeout=duration(arguments.text("timeout")) or None,
        )
        body = reply.read()
    except OSError as error:
        failure = gateway.unreachable(error)
        failure.headline, failure.seen = f"{failure.headline}. {failure.seen}", ""
        raise failure from error
    if reply.status == 401:
        raise GatewayRequestError("unable to login, either username or password is incorrect")
    if reply.status != 200:
        raise status_error(reply.status, body)
    login_store.save(gateway.url, token)
    # As in the real one, a colon ends the user's name.
    echo(f"credentials saved for {user.partition(':')[0]} {gateway.url}")


COMMAND = Verb(
    "Log in to an OpenFaaS gateway (the lab's own needs no login)",
    _run,
    flags=(
        GATEWAY,
        Flag("password", "p", "", "Password of the gateway"),
        Flag("password-stdin", "s", False, "Read the password from standard input"),
        Flag("timeout", "", "5s", "How long to wait for the gateway", check_duration),
        TLS,
        Flag("username", "u", "admin", "User of the gateway"),
    ),
    examples=("cat ~/faas_pass.txt | faas-cli login -u admin --password-stdin",),
)
