"""The IPython extension, which ``Lab.start()`` or ``%load_ext`` loads."""

from __future__ import annotations

from typing import Any

from labkit.ipython.error_box import error_html, error_text
from labkit.ipython.function_magic import FunctionMagic, without_empty_body
from labkit.language import language, translated
from labkit.live.display import shows_widgets
from labkit.teaching.cells import RUN_CELLS
from labkit_services.contract.errors import LabError


class LabExtension:
    """What is registered with one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._magic = FunctionMagic(shell)

    def load(self) -> None:
        """Register ``%%function``; in a notebook, show errors as boxes."""
        LabError.in_language = staticmethod(translated)
        self._shell.register_magic_function(self._magic.run, "line_cell", "function")
        self._shell.input_transformers_cleanup.append(without_empty_body)
        self._shell.events.register("pre_run_cell", self._magic.note_cell)
        self._shell.events.register("pre_run_cell", RUN_CELLS.note)
        # A test of a notebook's output, such as nbval, gets the text alone.
        if shows_widgets():
            LabError.headline_only = True
            self._shell.events.register("post_run_cell", self._show_box)

    def unload(self) -> None:
        """Undo ``load``."""
        LabError.in_language = staticmethod(str)
        for kind in ("line", "cell"):
            self._shell.magics_manager.magics[kind].pop("function", None)
        self._shell.input_transformers_cleanup.remove(without_empty_body)
        self._shell.events.unregister("pre_run_cell", self._magic.note_cell)
        self._shell.events.unregister("pre_run_cell", RUN_CELLS.note)
        if LabError.headline_only:
            LabError.headline_only = False
            self._shell.events.unregister("post_run_cell", self._show_box)

    def _show_box(self, result: Any) -> None:
        """Show the rest of a cell's error below its headline."""
        error = getattr(result, "error_in_exec", None)
        if isinstance(error, LabError):
            box = {"text/html": error_html(error, self._name_of_file), "text/plain": error_text(error)}
            self._shell.display_pub.publish(box)
        elif isinstance(error, NameError):
            self._show_missing_name(error, str(result.info.raw_cell))

    def _show_missing_name(self, error: NameError, code: str) -> None:
        """Show which cell makes a name; a new kernel has none of them."""
        # Imported on first use, as all that needs the course's texts.
        from labkit.teaching.desk import notebook_number
        from labkit.teaching.missing_names import missing_name

        shown = missing_name(error, code, self._shell.user_ns, notebook_number(), language())
        if shown is not None:
            self._shell.display_pub.publish({"text/html": shown.html(), "text/plain": repr(shown)})

    def _name_of_file(self, filename: str) -> str:
        return " ".join(self._shell.compile.format_code_name(filename) or ())


_loaded: dict[int, LabExtension] = {}
"""By the shell's id."""


def load_ipython_extension(shell: Any) -> None:
    """Register the lab's magic and its error boxes."""
    extension = LabExtension(shell)
    extension.load()
    _loaded[id(shell)] = extension


def unload_ipython_extension(shell: Any) -> None:
    """Undo ``load_ipython_extension``."""
    if extension := _loaded.pop(id(shell), None):
        extension.unload()
