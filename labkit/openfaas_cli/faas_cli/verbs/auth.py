"""faas-cli auth: log in with OAuth2, which needs an identity provider."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.not_in_lab import NotInLabVerbError
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _run(arguments: Arguments) -> None:
    url = arguments.text("auth-url")
    if not url:
        raise UsageError("--auth-url is required and must be a valid OIDC URL")
    if url.partition(":")[0].lower() not in ("http", "https"):
        raise UsageError(f"--auth-url is an invalid URL: {url}")
    if not arguments.text("client-id"):
        raise UsageError("--client-id is required")
    raise NotInLabVerbError(
        "auth",
        "an OAuth2 identity provider and a gateway that trusts it",
        "faas-cli knows the password of the lab's gateway; for another one: faas-cli login",
    )


COMMAND = Verb(
    "Log in with OAuth2 (needs an identity provider: not in the lab)",
    _run,
    flags=(
        Flag("audience", "", "", "OAuth2 audience"),
        Flag("auth-url", "", "", "The identity provider's URL for authorisation"),
        Flag("client-id", "", "", "OAuth2 client_id"),
        Flag("client-secret", "", "", "OAuth2 client_secret, for the grant client_credentials"),
        GATEWAY,
        Flag("grant", "", "implicit", "OAuth2 grant: implicit or client_credentials"),
        Flag("launch-browser", "", True, "Open a browser"),
        Flag("listen-port", "", 31111, "Local port for the browser's answer"),
        Flag("scope", "", "", "OAuth2 scope"),
    ),
)
