"""JupyterLab in a Codespace: its own address may open websockets.

GitHub forwards the port, and lets in only the Codespace's owner. Requests come
with ``Host: localhost``, but a page's ``Origin`` is the Codespace's address:
without this, JupyterLab would refuse its own page, and no kernel would answer.
"""

import os

_PORT = 8888

if name := os.environ.get("CODESPACE_NAME"):
    domain = os.environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
    host = f"{name}-{_PORT}.{domain}"
    c = get_config()  # noqa: F821 - Jupyter defines it
    c.ServerApp.allow_origin = f"https://{host}"
    c.ServerApp.local_hostnames = ["localhost", host]
