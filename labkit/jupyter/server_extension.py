"""An extension of Jupyter's server: its terminals and kernels find our tools.

A lab that a kernel starts belongs to the server.

It is switched on by ``config/``, which is installed below the environment's
``etc/jupyter``: for ``labkit lab``, for ``jupyter lab`` and on a Hub.
"""

from __future__ import annotations

import os
import sysconfig
from typing import Any

from labkit.jupyter.proxy_handlers import lab_services
from labkit.jupyter.terminal_shell import prepend
from labkit.lifecycle.jupyter_server import offer_address, offer_to_kernels
from labkit_services.runtime.python_process import python_command


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(server: Any) -> None:
    """Set the server up before other extensions are loaded.

    Jupyter starts a login shell if its output goes to a file; that would
    reset ``PATH``. A ``shell_command`` of the user's own stays.
    """
    # Kernels and terminals inherit it. The environment may not be activated.
    os.environ["PATH"] = prepend(sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath))
    offer_to_kernels()
    # What is configured comes before what entry points bring.
    server.config.ServerProxy.servers.update(lab_services())
    settings = server.terminado_settings
    if not settings.get("shell_command"):
        command = python_command("labkit.jupyter.terminal_shell")
        server.terminado_settings = {**settings, "shell_command": command}


def _load_jupyter_server_extension(server: Any) -> None:
    """Set the server up with its web application.

    The token is kept from kernels, which save what ``!env`` prints. JupyterLab
    lets live views use its commands, to open the lab's page as a tab.
    """
    assert server.identity_provider.token is not None  # it has been read
    os.environ.pop("JUPYTER_TOKEN", None)
    page = server.web_app.settings.setdefault("page_config_data", {})
    page["exposeAppInBrowser"] = True
    server.io_loop.add_callback(_offer_address, server)


def _offer_address(server: Any) -> None:
    """Tell kernels and terminals the server's address: it is bound now."""
    offer_address(server.public_url, server.base_url, server.root_dir)
