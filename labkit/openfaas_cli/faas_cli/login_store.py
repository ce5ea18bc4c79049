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

from labkit.workspace import own_login_folder
from labkit_services.contract.errors import LabError
from labkit_services.runtime.private_files import write_private


class LoginStoreError(LabError):
    """The file of saved logins cannot be read."""


def folder() -> Path:
    """Return ``$OPENFAAS_CONFIG``, ``./.openfaas`` in CI or ``~/.openfaas``.

    A lab's own folder is skipped: it exists only as long as the lab, whose
    password is known anyway.
    """
    if chosen := own_login_folder():
        return Path(chosen).expanduser()
    return Path(".openfaas") if os.environ.get("CI") == "true" else Path.home() / ".openfaas"


def encode(user: str, password: str) -> str:
    """Return the token of HTTP basic authentication."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def find(gateway: str, auth: str = "basic") -> str | None:
    """Return the token saved for this URL and kind of login, or None."""
    for login in _read():
        if login.get("gateway") == gateway and login.get("auth") == auth:
            return str(login.get("token", ""))
    return None


def save(gateway: str, token: str) -> None:
    """Save a login; it replaces an earlier one for the same gateway."""
    others = [login for login in _read() if login.get("gateway") != gateway]
    _write([*others, {"gateway": gateway, "auth": "basic", "token": token}])


def remove(gateway: str) -> bool:
    """Remove a login; return whether there was one."""
    logins = _read()
    others = [login for login in logins if login.get("gateway") != gateway]
    if found := len(others) < len(logins):
        _write(others)
    return found


def _read() -> list[dict[str, Any]]:
    file = folder() / "config.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        logins = content.get("auths") or []
        return [dict(login) for login in logins]
    except FileNotFoundError:
        return []
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise LoginStoreError(
            seen=f"{file}: {error}", next_step=f"remove {file} and log in again: faas-cli login"
        ) from error


def _write(logins: list[dict[str, Any]]) -> None:
    write_private(folder() / "config.yml", yaml.safe_dump({"auths": logins}, sort_keys=False))
