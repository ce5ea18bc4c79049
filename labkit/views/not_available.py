"""What stands for something that is not available: a note, not a value."""

from __future__ import annotations

import html
from typing import Any, NoReturn

from labkit.language import translated
from labkit_services.contract.errors import LabError


class NotAvailable:
    """Shows why something is not available; using it raises that error.

    A cell that only shows it goes on, and nothing is made up: whatever is
    asked of it raises the error.
    """

    def __init__(self, error: LabError) -> None:
        self._error = error

    def __repr__(self) -> str:
        return str(self._error)

    def _repr_html_(self) -> str:
        error = self._error
        rows = (("needs", error.expected), ("seen", error.seen), ("next", error.next_step))
        body = "".join(
            f"<dt>{translated(name)}</dt><dd>{html.escape(translated(text))}</dd>"
            for name, text in rows
            if text
        )
        return f"<section><p><b>{html.escape(translated(error.headline))}</b></p><dl>{body}</dl></section>"

    def _raise(self, *_: Any) -> NoReturn:
        error = self._error
        raise type(error)(error.headline, expected=error.expected, seen=error.seen, next_step=error.next_step)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith(("_repr_", "_ipython_", "__")):
            raise AttributeError(name)  # asked by programs that show it
        self._raise()

    __bool__ = __len__ = __int__ = __float__ = __index__ = __iter__ = _raise
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __contains__ = __call__ = _raise
    __enter__ = __exit__ = __await__ = _raise
    __hash__ = None  # type: ignore[assignment]
