"""An image's pull as lines for a log. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEGABYTE = 1e6
_DONE = ("Pull complete", "Already exists")


class PullProgress:
    """Adds up what the engine reports about an image's layers."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._layers: dict[str, tuple[float, float]] = {}
        self._done: set[str] = set()
        self.error = ""

    def add(self, event: Mapping[str, Any]) -> None:
        """Add one of the engine's messages."""
        self.error = str(event.get("error") or self.error)
        layer, status = str(event.get("id", "")), event.get("status", "")
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and "current" in detail:
            current = float(detail["current"])
            self._layers[layer] = current, float(detail.get("total") or current)
        elif status == "Download complete" and layer in self._layers:
            self._layers[layer] = (self._layers[layer][1],) * 2
        elif status == "Pulling fs layer":
            self._layers.setdefault(layer, (0.0, 0.0))
        elif status in _DONE:
            self._layers.setdefault(layer, (0.0, 0.0))
            self._done.add(layer)

    def line(self) -> str:
        """Return the state in one line."""
        current = sum(current for current, _ in self._layers.values()) / _MEGABYTE
        total = sum(total for _, total in self._layers.values()) / _MEGABYTE
        layers = f"{len(self._done)} of {len(self._layers)} layers"
        return f"pulling {self._image}: {current:.1f} of {total:.1f} MB, {layers}"
