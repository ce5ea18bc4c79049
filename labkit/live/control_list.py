"""The control panel as a text: each control, and its Python call."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from labkit.live.script import words

_SECTIONS = {
    "send": {"send.sync": "send.sync", "send.async": "send.async", "times": "send.sync.many"},
    "limits": {"max_inflight": "max_inflight", "workers": "workers", "replicas": "replicas"},
    "answers": {f"answer.{answer}": f"answer.{answer}" for answer in ("200", "503", "hold")},
    "faults": {f"fault.{kind}": f"fault.{kind}" for kind in ("kill", "pause", "nats", "slow")},
    "reset": {"reset.open": "reset"},
}
"""Of each section of the panel (web/panel), its controls and their Python
calls, as the catalogue of words has them."""
_VALUES = {
    "function": "echo",
    "n": "10",
    "value": "2",
    "service": "queue-worker",
    "bin": "callbacks",
}
"""Examples for a Python call; the live panel shows what is chosen."""


@dataclass(frozen=True)
class ControlList:
    """What the control panel can do, in a language: ``en`` or ``zh``."""

    lang: str = "en"

    def sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return titles, each with its controls and their Python calls."""
        texts = words(self.lang)
        return [
            (
                texts[f"panel.{section}.title"],
                [
                    (texts[f"panel.{name}"].rstrip(" …"), texts[f"panel.python.{call}"].format(**_VALUES))
                    for name, call in names.items()
                ],
            )
            for section, names in _SECTIONS.items()
        ]

    def __repr__(self) -> str:
        lines = [words(self.lang)["panel.title"]]
        for title, controls in self.sections():
            lines.append(f"  {title}")
            lines += [f"    {call:<46} {label}" for label, call in controls]
        return "\n".join(lines)

    def html(self) -> str:
        """Return it as a table."""
        rows = "".join(
            f'<tr><th colspan="2" scope="rowgroup" style="text-align:left">{escape(title)}</th></tr>'
            + "".join(
                f'<tr><td style="text-align:left">{escape(label)}</td>'
                f'<td style="text-align:left"><code>{escape(call)}</code></td></tr>'
                for label, call in controls
            )
            for title, controls in self.sections()
        )
        title = escape(words(self.lang)["panel.title"])
        return f"<table><caption>{title}</caption>{rows}</table>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self)}
