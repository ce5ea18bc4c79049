"""What this process is called in messages to the lab's other users."""

from __future__ import annotations

import os
import sys
from typing import Any


def in_kernel() -> bool:
    """Tell whether this is a Jupyter kernel."""
    # IPython in a terminal has a shell, but no kernel.
    return hasattr(_shell(), "kernel")


def load_ipython_extension() -> None:
    """Load the lab's extension if this is IPython; idempotent."""
    shell = _shell()
    if shell is not None:
        shell.extension_manager.load_extension("labkit")


def show_in_cell(shown: object) -> bool:
    """Show an object below the running cell; return False if there is none."""
    if not in_kernel():
        return False
    from IPython.display import display  # imported already: this is a kernel

    display(shown)  # type: ignore[no-untyped-call]
    return True


def _shell() -> Any:
    """Return IPython's shell, or None; never imports IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def describe_caller() -> str:
    """Return the notebook's, the command's or the script's name, and the pid.

    Jupyter's server names the notebook in ``JPY_SESSION_NAME``, which its
    kernels' child processes inherit, too.
    """
    notebook = os.path.basename(os.environ.get("JPY_SESSION_NAME", ""))
    if in_kernel():
        name = f"the notebook {notebook}" if notebook else "a notebook"
    else:
        program = os.path.basename(sys.argv[0]) if sys.argv else ""
        click = sys.modules.get("click")  # the command line's: it knows the subcommand
        context = click.get_current_context(silent=True) if click is not None else None
        name = context.command_path if context is not None else program
        name = name if name not in ("", "-", "-c") else "python"
    return f"{name} (process {os.getpid()})"
