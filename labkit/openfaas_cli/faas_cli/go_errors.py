"""Texts of errors as Go's standard library has them."""

from __future__ import annotations


def os_error_text(operation: str, path: object, error: OSError) -> str:
    """Return ``open key.txt: no such file or directory``."""
    reason = error.strerror or str(error)
    return f"{operation} {path}: {reason[:1].lower()}{reason[1:]}"
