"""How to log in to NATS: addresses and credentials.

The credentials are in one file. Its usual form is a context of the ``nats``
command (natscli): JSON with ``url``, ``user``, ``password``, ``token``,
``creds``, ``nkey``, ``ca``, ``cert``, ``key`` and ``tls_first``; the last but
one are paths, relative to the file. A ``.creds`` file, an NKey's seed and a
certificate in PEM are understood, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from urllib.parse import SplitResult, unquote, urlsplit

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.ports import NATS_PORT

SETTING_PREFIX = "nats_"
_LONGEST_FILE = 1024 * 1024
_SCHEMES = ("nats", "tls")
_PATHS = ("creds", "nkey", "ca", "cert", "key")
_WAYS = {"user": "a user", "token": "a token", "creds": "a .creds file", "nkey": "an NKey"}
_NOT_SUPPORTED = ("nsc", "jetstream_domain", "jetstream_api_prefix", "inbox_prefix", "user_jwt")
_EXPECTED = (
    "a context of the nats command (JSON), a .creds file, an NKey's seed, or a certificate to trust (PEM)"
)


@dataclass(frozen=True, repr=False)
class NatsLogin:
    """Addresses of NATS, and how to log in there.

    Attributes:
        url: ``nats://HOST:PORT`` or ``tls://HOST:PORT``; several with commas
            between them. It contains no user and no password.
        user: A user's name, with ``password``.
        password: The user's password.
        token: A token.
        creds: Path of a file with a user's JWT and its NKey's seed.
        nkey: Path of a file with an NKey's seed.
        ca: Path of the certificates to trust, in PEM; "" trusts the system's.
        cert: Path of the client's certificate, in PEM, with ``key``.
        key: Path of the key of that certificate.
        tls_first: TLS begins before the server's first message.
    """

    url: str = ""
    user: str = ""
    password: str = ""
    token: str = ""
    creds: str = ""
    nkey: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    tls_first: bool = False

    def __repr__(self) -> str:
        return f"NatsLogin({self.url!r})"

    @property
    def way(self) -> str:
        """How it authenticates, without secrets: for messages."""
        ways = [text for name, text in _WAYS.items() if getattr(self, name)]
        certificate = ["a client certificate"] if self.cert else []
        return " and ".join(ways + certificate) or "no credentials"

    @classmethod
    def of(cls, url: str, credentials: str | os.PathLike[str] = "") -> NatsLogin:
        """Return the login for ``url`` with a file of credentials.

        The URL may contain a user and a password, or a token. Without one, the
        file's is used.

        Raises:
            InvalidValueError: An address or the file can't be used.
        """
        path = os.path.abspath(os.path.expanduser(credentials)) if credentials else ""
        login = _read_credentials(path) if path else cls()
        login = _with_url(login, url or login.url)
        login._check(path)
        return login

    @classmethod
    def of_settings(cls, settings: Mapping[str, str]) -> NatsLogin:
        """Return the login of a service's settings: ``nats_url`` and so on."""
        known = {field.name: settings.get(SETTING_PREFIX + field.name, "") for field in fields(cls)}
        tls_first = known.pop("tls_first") == "true"
        return cls(**known, tls_first=tls_first)

    def settings(self) -> dict[str, str]:
        """Return it as environment variables of a service.

        Every variable is set, so that none is left from another login.
        """
        values = {SETTING_PREFIX + name: value for name, value in asdict(self).items()}
        return {**values, SETTING_PREFIX + "tls_first": "true" if self.tls_first else ""}

    @classmethod
    def of_context(cls, path: str) -> NatsLogin:
        """Return the login of a context file that ``context`` has written."""
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
        return cls(**{field.name: known[field.name] for field in fields(cls) if field.name in known})

    def context(self, description: str) -> str:
        """Return the content of a context file of the ``nats`` command."""
        values = {name: value for name, value in asdict(self).items() if value}
        return json.dumps({"description": description, **values}, indent=2) + "\n"

    def _check(self, path: str) -> None:
        ways = [text for name, text in _WAYS.items() if getattr(self, name)]
        if len(ways) > 1:
            raise InvalidValueError(
                "there is more than one way to log in to NATS",
                expected="one of user and password, token, .creds file, NKey",
                seen=" and ".join(ways),
            )
        if bool(self.cert) != bool(self.key):
            raise _bad_file(path, "a client certificate needs both cert and key", "one of them")
        for name in _PATHS:
            if value := getattr(self, name):
                _check_readable(name, value)


def _with_url(login: NatsLogin, urls: str) -> NatsLogin:
    """Return the login with checked addresses, and with what they contain."""
    addresses = [_split(part.strip()) for part in urls.split(",") if part.strip()]
    if not addresses:
        raise InvalidValueError(
            "there is no address of NATS",
            expected="nats://HOST:PORT or tls://HOST:PORT, several with commas",
            seen=repr(urls),
        )
    users = {(unquote(one.username or ""), unquote(one.password or "")) for one in addresses} - {("", "")}
    if len(users) > 1:
        expected = "the same user and password in every address"
        raise InvalidValueError("the addresses of NATS have different users", expected=expected)
    for user, password in users:
        login = replace(login, user=user, password=password) if password else replace(login, token=user)
    return replace(login, url=",".join(f"{one.scheme}://{_host_and_port(one)}" for one in addresses))


def _split(address: str) -> SplitResult:
    text = address if "://" in address else f"nats://{address}"
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidValueError(
            "this is no address of NATS",
            expected="nats://HOST:PORT or tls://HOST:PORT, several with commas",
            seen=repr(without_secrets(address)),
        )
    return parts


def _host_and_port(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]:{parts.port or NATS_PORT}" if ":" in host else f"{host}:{parts.port or NATS_PORT}"


def without_secrets(address: str) -> str:
    """Return an address without what stands before its last ``@``."""
    before, at, host = address.rpartition("@")
    return f"{before.partition('://')[0]}://…@{host}" if at else address


def has_secrets(urls: str) -> bool:
    """Tell whether an address contains a user, a password or a token."""
    return "@" in urls


def _read_credentials(path: str) -> NatsLogin:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LONGEST_FILE)
    except (OSError, ValueError) as error:
        raise _bad_file(path, _EXPECTED, _reason(error)) from None
    stripped = text.strip()
    if stripped.startswith("{"):
        return _read_context(path, stripped)
    if "BEGIN NATS USER JWT" in text:
        return NatsLogin(creds=path)
    if stripped.startswith("SU") and stripped.isalnum():
        return NatsLogin(nkey=path)
    if "BEGIN CERTIFICATE" in text and "PRIVATE KEY" not in text:
        return NatsLogin(ca=path)
    raise _bad_file(path, _EXPECTED, "something else" if text else "an empty file")


def _read_context(path: str, text: str) -> NatsLogin:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad_file(path, _EXPECTED, "a file that begins with { but is not JSON") from None
    if unknown := [name for name in _NOT_SUPPORTED if document.get(name)]:
        raise _bad_file(path, "a context without " + ", ".join(_NOT_SUPPORTED), ", ".join(unknown))
    values: dict[str, str] = {}
    for field in fields(NatsLogin):
        value = document.get(field.name) or ""
        if field.name != "tls_first" and not isinstance(value, str):
            raise _bad_file(path, f"a text as {field.name}", type(value).__name__)
        if value and field.name in _PATHS:
            value = os.path.join(os.path.dirname(path), os.path.expanduser(value))
        if value and field.name != "tls_first":
            values[field.name] = value
    return NatsLogin(**values, tls_first=document.get("tls_first") is True)


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        raise _bad_file(path, f"a file that can be read, as {name}", _reason(error)) from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or "not text"


def _bad_file(path: str, expected: str, seen: str) -> InvalidValueError:
    return InvalidValueError(
        f"the file {path} can't be used as credentials of NATS", expected=expected, seen=seen
    )
