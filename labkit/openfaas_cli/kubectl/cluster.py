"""Which cluster a real kubectl would ask.

Without one it asks ``localhost:8080``: in a lab that is the gateway.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labkit.openfaas_cli.pflag import Arguments

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def cluster_address(flags: Arguments, environment: Mapping[str, str]) -> str:
    """Return the URL of the cluster, or "" if none is named.

    It is that of ``--server``, or of the kubeconfig: ``--kubeconfig``,
    ``$KUBECONFIG`` or ``~/.kube/config``.
    """
    if server := flags.text("server"):
        return server if "://" in server else f"http://{server}"
    home = Path(environment.get("HOME", "/")) / ".kube/config"
    listed = environment.get("KUBECONFIG", "").split(os.pathsep)
    files = [flags.text("kubeconfig")] if flags.text("kubeconfig") else [name for name in listed if name]
    config = _Kubeconfig()
    for file in files or [str(home)]:
        config.add(file)
    context = flags.text("context") or config.current
    cluster = flags.text("cluster") or config.clusters_of_contexts.get(context, "")
    return config.servers.get(cluster, "")


def is_same_address(url: str, other: str) -> bool:
    """Return whether two URLs are of one port of this machine."""
    here, there = urlsplit(url), urlsplit(other)
    return here.port == there.port and here.hostname in _LOOPBACK and there.hostname in _LOOPBACK


class _Kubeconfig:
    """Kubeconfig files, merged: of each entry, the first one counts."""

    def __init__(self) -> None:
        self.current = ""
        self.servers: dict[str, str] = {}
        self.clusters_of_contexts: dict[str, str] = {}

    def add(self, file: str) -> None:
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, ValueError):
            return
        import yaml  # 10 ms that only a kubeconfig needs

        try:
            document = yaml.safe_load(text)
        except (ValueError, yaml.YAMLError):
            return  # names no cluster
        if not isinstance(document, dict):
            return
        self.current = self.current or str(document.get("current-context") or "")
        for name, cluster in _entries(document, "clusters", "cluster"):
            self.servers.setdefault(name, str(cluster.get("server") or ""))
        for name, context in _entries(document, "contexts", "context"):
            self.clusters_of_contexts.setdefault(name, str(context.get("cluster") or ""))


def _entries(document: Mapping[str, Any], plural: str, key: str) -> list[tuple[str, Mapping[str, Any]]]:
    entries = document.get(plural)
    return [
        (str(entry["name"]), entry[key])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and "name" in entry and isinstance(entry.get(key), dict)
    ]
