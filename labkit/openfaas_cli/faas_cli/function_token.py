"""``invoke --auth``: a token for one function, from OpenFaaS's IAM.

The token of a login (``auth: oauth2`` among the saved ones) is exchanged for
it. As with the real faas-cli, a login with a password provides none: the
password is the gateway's, and a function must not see it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from labkit.openfaas_cli.faas_cli import login_store
from labkit.openfaas_cli.faas_cli.gateway import GatewayRequestError
from labkit.openfaas_cli.faas_cli.go_decode import Struct, Text, decode
from labkit.openfaas_cli.faas_cli.http import request

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105

_TOKEN = Struct("proxy.Token", {"access_token": Text()})


def function_token(gateway: str, function: str, namespace: str) -> str | None:
    """Return a token for one function; None if no login provides one."""
    kind, login = login_store.find(gateway) or ("", "")
    if kind != "oauth2":
        return None
    form = {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token_type": _ID_TOKEN,
        "subject_token": login,
        "audience": f"{namespace}:{function}",
        "scope": "function",
    }
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    reply = request("POST", f"{gateway}/oauth/token", headers, urlencode(form).encode())
    body = reply.read().decode("utf-8", "replace")
    failure = "failed to invoke function: failed to get function access token"
    if not 200 <= reply.status <= 299:
        status = f"{reply.status} {reply.reason}"
        raise GatewayRequestError(f"{failure}: cannot fetch token: {status}\nResponse: {body}")
    try:
        return str(decode(body.encode(), _TOKEN)["access_token"])
    except ValueError as error:
        raise GatewayRequestError(f"{failure}: unable to unmarshal token", seen=body[:80]) from error
