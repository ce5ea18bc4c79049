"""Connect to an existing NATS, or say in one sentence why that fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from nats.js.errors import APIError, ServiceUnavailableError

from labkit_services.contract.errors import LabError, NatsAccessError, error_text
from labkit_services.jetstream.client_options import client_options
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.runtime.nats_login import NatsLogin

_CONNECT_SECONDS = 2
_LONGEST_CONNECT_SECONDS = 8.0
_REQUEST_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_CREDENTIALS = "see the user, password, token or file in nats_credentials; its NATS must know them"
_ACCOUNT = "ask who runs NATS for an account with JetStream, at least 2 GiB of files and 20 streams"
_REPLICAS = "wait until the cluster has its nodes; or set nats_replicas=1, which a lost node's disk can lose"
_OTHER_ACCOUNT = "use an account of its own for each lab"
_BY_CODE = {
    10039: ("JetStream is not enabled for this account of NATS.", _ACCOUNT),
    10076: ("JetStream is not enabled in this NATS.", "ask who runs NATS to enable JetStream"),
    10008: (
        "JetStream is not available: too few nodes run.",
        "start its nodes, and try again",
    ),
    10005: ("The cluster can't place a stream with so many replicas.", _REPLICAS),
    10074: ("This NATS is no cluster, and can't hold several replicas.", "set nats_replicas=1"),
    10023: ("The account of NATS has no room for the lab's streams.", _ACCOUNT),
    10047: ("The disks of NATS have no room for the lab's streams.", _ACCOUNT),
    10002: ("The limits of the account of NATS are reached.", _ACCOUNT),
    10026: ("The account of NATS can hold no more consumers.", _ACCOUNT),
    10027: ("The account of NATS can hold no more streams.", _ACCOUNT),
    10113: ("The account of NATS demands a size limit of every stream.", _ACCOUNT),
    10122: ("The account of NATS allows only smaller streams.", _ACCOUNT),
    10065: ("Another stream of this account has the lab's subjects.", _OTHER_ACCOUNT),
}
"""Headline and next step by JetStream's error code (nats-server's
errors.json)."""


class NatsProblems:
    """Collects what a connection reports besides the errors that it raises.

    A missing permission is only reported: the request itself times out.
    """

    def __init__(self, login: NatsLogin) -> None:
        self._login = login
        self.seen: list[Exception] = []

    async def on_error(self, error: Exception) -> None:
        """Note an error; a client's ``error_cb``."""
        self.seen = [*self.seen[-9:], error]

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Raise NatsAccessError for what fails while ``doing`` something."""
        try:
            yield
        except LabError:
            raise
        except APIError as error:
            raise api_error(error, doing) from error
        except (NatsError, OSError) as error:  # a timeout is an OSError
            raise self._explain(error, doing) from error

    def _explain(self, error: Exception, doing: str) -> NatsAccessError:
        for one in reversed(self.seen):
            if "permissions violation" in str(one).lower():
                return NatsAccessError(
                    f"NATS does not allow its user to {doing}.",
                    expected="permission to publish to $JS.API.>, $KV.>, lab.> and the queues' subjects, "
                    "and to subscribe to _INBOX.> and lab.>",
                    seen=_clean(one),
                    next_step="ask who runs NATS for these permissions",
                )
        seen = error_text(error)
        if isinstance(error, TimeoutError):
            seen = f"no answer within {_REQUEST_SECONDS:g} s"
        if "no responders" in seen:
            return api_error(APIError(err_code=10076, description=_clean(error)), doing)
        return NatsAccessError(
            f"NATS did not {doing}.",
            expected=f"an answer of JetStream at {self._login.url}",
            seen=seen,
            next_step="see that most nodes of the cluster run, and reach each other; then try again",
        )


def api_error(error: APIError, doing: str) -> NatsAccessError:
    """Return JetStream's error in words; ``doing`` says what failed."""
    code = error.err_code or 0
    default = f"JetStream did not {doing}.", "look at the log of nats-server"
    if isinstance(error, ServiceUnavailableError) and not code:
        code = 10076  # nobody listens on JetStream's subjects
    headline, next_step = _BY_CODE.get(code, default)
    if code == 10023 and "replicas" in (error.description or ""):
        headline, next_step = _BY_CODE[10005]
    seen = f"{error.description or error} (code {code})" if code else str(error)
    return NatsAccessError(headline, expected=f"JetStream to {doing}", seen=seen, next_step=next_step)


@asynccontextmanager
async def opened(login: NatsLogin, name: str) -> AsyncIterator[tuple[Client, NatsProblems]]:
    """Yield a connection that was made once, and does not reconnect.

    Raises:
        NatsAccessError: NATS can't be reached, or refuses the login.
        InvalidValueError: A certificate or a key can't be used.
    """
    problems, client = NatsProblems(login), Client()
    await _connect_once(client, login, name, problems)
    try:
        yield client, problems
    finally:
        with suppress(NatsError, OSError):
            await asyncio.wait_for(client.close(), _CLOSE_SECONDS)


async def _connect_once(client: Client, login: NatsLogin, name: str, problems: NatsProblems) -> None:
    options = client_options(login)
    if "tls://" in login.url and not login.tls_first:
        await _demand_tls(login)
    # nats-py declares whole seconds here, but takes any number.
    wait: Any = 0.05
    try:
        # nats-py may wait for ever for a connection whose TLS failed to close.
        async with asyncio.timeout(_LONGEST_CONNECT_SECONDS):
            await client.connect(
                **options,
                name=name,
                connect_timeout=_CONNECT_SECONDS,
                max_reconnect_attempts=1,
                reconnect_time_wait=wait,
                error_cb=problems.on_error,
            )
    except Exception as error:  # nkeys' errors of a broken key have no common base
        with suppress(NatsError, OSError):
            await asyncio.wait_for(client.close(), _CLOSE_SECONDS)
        raise _no_connection(login, [*problems.seen, error]) from error


async def _demand_tls(login: NatsLogin) -> None:
    """Raise if a server without TLS would get the password in the clear.

    nats-py uses TLS when the server asks for it, whatever the URL says.
    """
    for url in login.url.split(","):
        address = urlsplit(url)
        if address.scheme != "tls":
            continue
        try:
            greeting = await _greeting(address.hostname or "", address.port or 0)
        except (OSError, ValueError):
            continue  # it is down, which connecting will say
        if not greeting.get("tls_required"):
            raise NatsAccessError(
                "This NATS does not use TLS.",
                expected=f"a server that demands TLS at {url}",
                seen="one without TLS: the login was not sent",
                next_step="enable TLS in NATS; or use nats:// if the network is trusted",
            )


async def _greeting(host: str, port: int) -> dict[str, Any]:
    """Return the content of a server's INFO (NATS client protocol)."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            line = await reader.readline()
        finally:
            writer.close()
    return dict(json.loads(line.removeprefix(b"INFO ")))


def _no_connection(login: NatsLogin, errors: list[Exception]) -> NatsAccessError:
    """Return the most telling of what was tried, as an error."""
    import ssl

    texts = [_clean(error) for error in errors]
    where = f"a connection to {login.url}"
    for error in errors:
        if isinstance(error, ssl.SSLCertVerificationError):
            return NatsAccessError(
                "The certificate of NATS is not trusted.",
                expected=f"{where} with a certificate signed by {login.ca or 'an authority of the system'}",
                seen=error.verify_message,
                next_step="give its authority's certificate (PEM) as ca in the file of nats_credentials, "
                "and use host names that the server's certificate contains",
            )
    for error, text in zip(errors, texts, strict=True):
        lower = text.lower()
        if any(word in lower for word in ("certificate required", "certificate_required", "bad certificate")):
            return NatsAccessError(
                "NATS demands a client certificate that it trusts.",
                expected=where,
                seen=text,
                next_step="give cert and key in the file of nats_credentials",
            )
        if "authorization violation" in lower or "authentication" in lower:
            return NatsAccessError(
                "NATS refused the login.",
                expected=f"{where}, logged in with {login.way}",
                seen=text,
                next_step=_CREDENTIALS,
            )
        if isinstance(error, ssl.SSLError):
            return NatsAccessError(
                "TLS with NATS failed.", expected=where, seen=text, next_step="see certificates and tls_first"
            )
    if isinstance(errors[-1], OSError | NatsError):
        seen = ", ".join(dict.fromkeys(texts[:-1] or texts))
        next_step = "see that NATS runs, that the addresses are right, and that no firewall is between"
        return NatsAccessError("NATS can't be reached.", expected=where, seen=seen, next_step=next_step)
    return NatsAccessError(
        "The key for NATS can't be used.",
        expected=f"{where}, logged in with {login.way}",
        seen=texts[-1],
        next_step=_CREDENTIALS,
    )


def _clean(error: Exception) -> str:
    return error_text(error).removeprefix("nats: ").strip("'\"")
