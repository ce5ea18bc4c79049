"""The control panel as a live view."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.control_list import ControlList
from labkit.live.moment_view import MomentView


class PanelView(MomentView[ControlList]):
    """The control panel in a notebook.

    Its commands go from the page to the lab's API, through Jupyter's server
    or, where that has no way to the lab, through the kernel (``relay.py``).
    """

    kind: ClassVar[str] = "panel"
    topics: ClassVar[tuple[str, ...]] = ("queues", "services", "functions")
    styles: ClassVar[tuple[str, ...]] = ("panel/panel.css",)

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return repr(self.still)

    def picture(self) -> dict[str, str]:
        """Return the list of its controls, for a saved notebook."""
        return {"text/html": self.still.html()}
