"""Saved logins, in the real faas-cli's file and format.

``config.yml`` contains ``auths: [{gateway, auth: basic, token:
base64(user:password)}]``; a login by a plugin of the real one has ``auth:
oauth2`` and the provider's token.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from labkit.openfaas_cli.go_yaml.encoder import marshal
from labkit.workspace import own_login_folder
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.files.tree_copy import read_file
from labkit_services.runtime.private_files import write_private

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class LoginStoreError(LabError):
    """The file of saved logins cannot be read or written."""


def folder() -> Path:
    """Return ``$OPENFAAS_CONFIG``, ``./.openfaas`` in CI or ``~/.openfaas``.

    A lab's own folder is skipped: it exists only as long as the lab, whose
    password is known anyway. The ~ stays of a user who has no home folder, as
    in a container with any user id.
    """
    if chosen := own_login_folder():
        return Path(os.path.expanduser(chosen))
    in_ci = os.environ.get("CI") in ("true", "1")
    return Path(".openfaas" if in_ci else os.path.expanduser("~/.openfaas"))


def encode(user: str, password: str) -> str:
    """Return the token of HTTP basic authentication."""
    return base64.b64encode(os.fsencode(f"{user}:{password}")).decode()


def check(token: str) -> None:
    """Raise an error if a token of basic authentication is damaged."""
    position = _corrupt_byte(token.encode("utf-8", "surrogateescape"))
    if position is not None:
        headline = f"illegal base64 data at input byte {position}"
    elif b":" not in base64.b64decode(token):
        headline = "invalid auth config file"
    else:
        return
    file = folder() / "config.yml"
    raise LoginStoreError(headline, next_step=f"remove {file} and log in again: faas-cli login")


def _corrupt_byte(token: bytes) -> int | None:
    """Return where Go's ``base64.StdEncoding`` finds a token damaged."""
    start, letters, padding = 0, 0, 0
    for position, byte in enumerate(token):
        if byte in b"\r\n":
            continue
        if byte in _BASE64 and not padding:
            start, letters = (position, 1) if letters % 4 == 0 else (start, letters + 1)
        elif byte == ord("=") and letters % 4 + padding in (2, 3) and letters % 4 >= 2:
            padding += 1
        else:
            return position
    if padding and letters % 4 + padding != 4:
        return len(token)
    return start if letters % 4 and not padding else None


def find(gateway: str) -> tuple[str, str] | None:
    """Return kind and token of the first login for exactly this URL."""
    for login in _read():
        if login.get("gateway") == gateway:
            return str(login.get("auth", "")), str(login.get("token", ""))
    return None


def save(gateway: str, token: str) -> None:
    """Save a login; it takes the place of the first for the same gateway."""
    logins = _read()
    login = {"gateway": gateway, "auth": "basic", "token": token}
    place = _place(logins, gateway)
    logins[place : place + 1] = [login]
    _write(logins)


def remove(gateway: str) -> bool:
    """Remove the first login for a gateway; return whether there was one."""
    logins = _read()
    place = _place(logins, gateway)
    if place == len(logins):
        return False
    del logins[place]
    _write(logins)
    return True


def exists() -> bool:
    """Return whether there is a file of saved logins."""
    return (folder() / "config.yml").exists()


def _place(logins: list[dict[str, Any]], gateway: str) -> int:
    """Return the position of the first login for a gateway, or the end."""
    return next((place for place, login in enumerate(logins) if login.get("gateway") == gateway), len(logins))


def _read() -> list[dict[str, Any]]:
    file = folder() / "config.yml"
    try:
        # As text, like Go's: `token: 123` is no number.
        content = yaml.load(read_file(file).decode(), Loader=yaml.BaseLoader) or {}  # noqa: S506 - creates only text
        logins = content.get("auths") or []
        return [dict(login) for login in logins]
    except FileNotFoundError:
        return []
    except UnsafePathError as error:
        raise LoginStoreError(
            seen=f"{file}: {error.headline}", next_step=f"remove {file} and log in again: faas-cli login"
        ) from error
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise LoginStoreError(
            seen=f"{file}: {error}", next_step=f"remove {file} and log in again: faas-cli login"
        ) from error


def _write(logins: list[dict[str, Any]]) -> None:
    file = folder() / "config.yml"
    if str(file).startswith("~"):
        raise LoginStoreError(
            f"cannot write {file}: no such home folder", next_step="set HOME, or OPENFAAS_CONFIG to a folder"
        )
    write_private(file, marshal({"auths": logins}))
