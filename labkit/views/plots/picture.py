"""A plot with a text description, for light and dark pages."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labkit.views.plots.lettering import can_draw
from labkit.views.plots.style import LIGHT, THEMES, Theme, ThemeName
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.contract.errors import InvalidValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Theme], "Figure"]

_FORMATS = ("png", "svg", "pdf")
_MIME = {"png": "image/png", "svg": "image/svg+xml"}

# JupyterLab and Notebook mark their theme on <body>, VS Code has its own mark;
# elsewhere (an exported page) the reader's system decides. The dark image is
# hidden by its style attribute, so that a front end which strips <style> shows
# one image, not two.
_CSS = """
[data-jp-theme-light="false"] .labkit-picture .labkit-light,
[data-vscode-theme-kind$="dark"] .labkit-picture .labkit-light,
[data-vscode-theme-kind="vscode-high-contrast"] .labkit-picture .labkit-light { display: none !important }
[data-jp-theme-light="false"] .labkit-picture .labkit-dark,
[data-vscode-theme-kind$="dark"] .labkit-picture .labkit-dark,
[data-vscode-theme-kind="vscode-high-contrast"] .labkit-picture .labkit-dark { display: inline !important }
@media (prefers-color-scheme: dark) {
  body:not([data-jp-theme-light]):not([data-vscode-theme-kind]) .labkit-picture .labkit-light {
    display: none !important }
  body:not([data-jp-theme-light]):not([data-vscode-theme-kind]) .labkit-picture .labkit-dark {
    display: inline !important }
}
"""


# The same size as SVG and as PNG. In a narrow cell it is scrolled sideways:
# made as narrow as a phone, its text could not be read.
_SIZE = "width: 864px; max-width: 100%; min-width: 620px"
_TOLD: list[str] = []  # languages whose missing font was told of


class Picture:
    """A plot with a text description.

    In a notebook it follows the notebook's theme, and screen readers read its
    description. It is shown as images, not as inline SVG, because two inline
    SVGs on one page would share the ids of their clip paths.

    Attributes:
        alt: The text description.
    """

    def __init__(
        self,
        draw: Draw,
        alt: str,
        *,
        title: str = "",
        page_format: Literal["svg", "png"] = "svg",
        words: ViewWords = ENGLISH,
    ) -> None:
        self.alt = alt
        self._page_format = page_format
        self._title = title
        self._draw = draw
        self._words = words
        self._figure: Figure | None = None

    @property
    def figure(self) -> Figure:
        """The matplotlib figure for light pages; the dark one is separate."""
        if self._figure is None:
            self._figure = self._draw(LIGHT)
        return self._figure

    def save(self, path: str | Path, *, theme: ThemeName = "light") -> Path:
        """Write the picture to ``path``, whose suffix is .png, .svg or .pdf.

        The file has an opaque background, as it may be shown on any page, and
        the description in its metadata.

        Raises:
            InvalidValueError: The suffix or theme is unknown, or the file
                can't be written.
        """
        path = Path(path)
        suffix = path.suffix.lower().lstrip(".")
        if suffix not in _FORMATS:
            raise InvalidValueError(
                f"cannot save a picture as {path.name}",
                expected="a name that ends in " + ", ".join(f".{name}" for name in _FORMATS),
                seen=path.suffix or "no suffix",
                next_step="try .png",
            )
        if theme not in THEMES:
            raise InvalidValueError("unknown theme", expected=" or ".join(THEMES), seen=str(theme))
        data = self._render(suffix, THEMES[theme], is_transparent=False)
        try:
            path.write_bytes(data)
        except OSError as error:
            raise InvalidValueError(
                f"cannot write {path}",
                expected="a file name in a folder that exists and may be written to",
                seen=error.strerror or str(error),
                next_step="choose another folder, or create this one first",
            ) from error
        return path

    def _render(self, kind: str, theme: Theme, *, is_transparent: bool) -> bytes:
        import matplotlib as mpl

        figure = self.figure if theme is LIGHT else self._draw(theme)
        output = BytesIO()
        # No date and no random ids: the same plot gives the same bytes.
        with mpl.rc_context({"svg.hashsalt": "labkit"}):
            figure.savefig(
                output,
                format=kind,
                dpi=150,
                metadata=self._metadata(kind),
                transparent=is_transparent,
                facecolor="none" if is_transparent else theme.background,
            )
        return output.getvalue()

    def _metadata(self, kind: str) -> dict[str, Any]:
        if kind == "png":
            return {"Title": self._title, "Description": self.alt, "Software": "labkit"}
        if kind == "svg":
            return {"Title": self.alt, "Description": self.alt, "Date": None, "Creator": "labkit"}
        return {"Title": self._title, "Subject": self.alt, "CreationDate": None}

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the formats that a front end may choose from."""
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        images = []
        for theme in THEMES.values():
            data = self._render(self._page_format, theme, is_transparent=True)
            source = f"data:{_MIME[self._page_format]};base64,{base64.b64encode(data).decode()}"
            hidden = "display: none; " if theme is not LIGHT else ""
            images.append(
                f'<img class="labkit-{theme.name}" alt="{escape(self.alt)}" '
                f'style="{hidden}{_SIZE}" src="{source}">'
            )
        shown = "".join(images) + self._note()
        figure = f'<figure class="labkit-picture" style="margin: 0; overflow-x: auto">{shown}</figure>'
        return f"<style>{_CSS}</style>{figure}"

    def _note(self) -> str:
        """Tell once that the labels are not in the learner's language."""
        if can_draw(self._words) or _TOLD:
            return ""
        _TOLD.append(self._words.language)
        return f"<figcaption>{escape(self._words.text('plot.no-font'))}</figcaption>"

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"
