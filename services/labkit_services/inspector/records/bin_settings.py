"""The settings of a bin: how many requests it holds, what it answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.errors import InvalidValueError

MAX_CAPACITY = 100_000
_MAX_NOTE = 10_000
_MAX_SECRET = 1000


@dataclass(frozen=True, slots=True)
class BinSettings:
    """The settings of one bin, which are stored as one JSON object.

    Attributes:
        capacity: How many requests the bin holds; 1 to 100,000.
        answer: The status of its responses if no rule says otherwise; 0
            closes the connection without a response.
        note: A text of the user.
        rules: Response rules, in the order in which they are tried.
        hold: Hold requests until they are answered by hand, or None.
        forward: Forward requests to another URL, or None.
        secret: With which senders sign their requests, or "".
    """

    capacity: int = 500
    answer: int = 200
    note: str = ""
    rules: tuple[dict[str, Any], ...] = ()
    hold: dict[str, Any] | None = None
    forward: dict[str, Any] | None = None
    secret: str = ""

    def check(self) -> BinSettings:
        """Return the settings if capacity, answer and texts are valid.

        Raises:
            InvalidValueError: One of them is not. The owners of rules, hold
                and forward check those.
        """
        if not 1 <= self.capacity <= MAX_CAPACITY:
            expected = f"1 to {MAX_CAPACITY} requests"
            raise InvalidValueError("invalid capacity", expected=expected, seen=str(self.capacity))
        if self.answer != 0 and not 200 <= self.answer <= 599:
            expected = "a status from 200 to 599, or 0 to close the connection"
            raise InvalidValueError("invalid answer", expected=expected, seen=str(self.answer))
        for name, text, longest in (("note", self.note, _MAX_NOTE), ("secret", self.secret, _MAX_SECRET)):
            if len(text) > longest:
                expected = f"at most {longest} characters"
                raise InvalidValueError(f"the {name} is too long", expected=expected, seen=str(len(text)))
        return self

    def encode(self) -> str:
        """Return the settings as JSON text."""
        return encode(asdict(self))

    @classmethod
    def decode(cls, text: str) -> BinSettings:
        """Return the settings from JSON text; unknown fields are ignored."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in json.loads(text).items() if name in known}
        return cls(**{**values, "rules": tuple(values.get("rules", ()))})
