"""``invoke --auth``: a token for one function, of OpenFaaS's Identity and Access Management.

It is exchanged for the token of a login (``auth: oauth2`` among the saved ones).
A login with a password gives none, as with the real faas-cli: the password is the
gateway's, and a function is not to see it.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from labkit.openfaas_cli.faas_cli import login_store
from labkit.openfaas_cli.faas_cli.gateway import GatewayError
from labkit.openfaas_cli.faas_cli.http import request

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105


def function_token(gateway: str, function: str, namespace: str) -> str | None:
    """Return a token that one function takes; None if no login gives one.

    Args:
        gateway: URL, as the login was saved with it.
        function: Its name.
        namespace: Its namespace.

    Raises:
        GatewayError: The gateway gives none for this login.
        HttpRequestError: No answer.
    """
    login = login_store.find(gateway, "oauth2")
    if login is None:
        return None
    form = {
        "grant_type": _TOKEN_EXCHANGE,
        "subject_token_type": _ID_TOKEN,
        "subject_token": login,
        "audience": f"{namespace}:{function}",
        "scope": "function",
    }
    response = request(
        "POST",
        f"{gateway}/oauth/token",
        [("Content-Type", "application/x-www-form-urlencoded")],
        urlencode(form).encode(),
    )
    body = response.read().decode("utf-8", "replace")
    failure = "failed to invoke function: failed to get function access token"
    if not 200 <= response.status <= 299:
        raise GatewayError(
            f"{failure}: cannot fetch token: {response.status} {response.reason}\nResponse: {body}"
        )
    try:
        return str(json.loads(body)["access_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise GatewayError(f"{failure}: unable to unmarshal token", seen=body[:80]) from error
