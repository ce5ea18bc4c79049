"""What shows itself as an SVG picture in a notebook."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path

from labkit.views.timeline.svg import ThemeName


class SvgPicture(ABC):
    """A picture of the moment at which it was made."""

    @abstractmethod
    def svg(self, theme: ThemeName = "light") -> str:
        """Return it as SVG."""

    def save(self, path: str | os.PathLike[str], theme: ThemeName = "light") -> Path:
        """Write the SVG to a file; return its path."""
        target = Path(path)
        target.write_text(self.svg(theme), encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg()
