"""HTTP headers: ordered, multi-valued, spelled as received."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Pair = tuple[str, str]

_PROXY = {"proxy-authenticate", "proxy-authorization", "proxy-connection"}
HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"} | _PROXY)
"""Headers that are meant for one connection only, in lower case (RFC 9110
§7.6.1)."""

NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "expect"}
"""Request headers that a proxy does not copy: ``HttpClient`` sets the last
three for its own connection."""


class Headers:
    """A list of (name, value) pairs with case-insensitive look-up.

    Values are decoded as latin-1, so each character is one byte of the wire.
    """

    __slots__ = ("_index", "pairs")

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self.pairs: list[Pair] = list(pairs)
        self._index: dict[str, str] | None = None

    def _first_values(self) -> dict[str, str]:
        # Built on the first look-up and kept until a change: a request's
        # headers are looked up several times and rarely changed.
        if self._index is None:
            index: dict[str, str] = {}
            for name, value in self.pairs:
                index.setdefault(name.lower(), value)
            self._index = index
        return self._index

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of ``name``."""
        return self._first_values().get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """Return every value of ``name``, in order."""
        wanted = name.lower()
        return [value for other, value in self.pairs if other.lower() == wanted]

    def has_any(self, names: frozenset[str]) -> bool:
        """Tell whether one of these names, in lower case, is present."""
        return not names.isdisjoint(self._first_values())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first_values()

    def add(self, name: str, value: str) -> None:
        """Append a value."""
        self.pairs.append((name, value))
        self._index = None

    def set(self, name: str, value: str) -> None:
        """Replace every value of ``name`` with one."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> None:
        """Remove every value of ``name``."""
        wanted = name.lower()
        kept = [pair for pair in self.pairs if pair[0].lower() != wanted]
        if len(kept) < len(self.pairs):
            self.pairs = kept
            self._index = None

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


def end_to_end(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the request headers that a proxy passes on."""
    return [pair for pair in pairs if pair[0].lower() not in NOT_FORWARDED]


def canonical(name: str) -> str:
    """Spell a header name as Go does: ``X-Call-Id``."""
    return "-".join(part.capitalize() for part in name.split("-"))
