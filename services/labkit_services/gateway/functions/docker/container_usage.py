"""CPU and memory that a container uses, as the engine measures them."""

from __future__ import annotations

import time
from typing import Any

from docker import DockerClient

from labkit_services.contract.times import parse_rfc3339
from labkit_services.gateway.functions.replica import ReplicaUsage


def usage_of(client: DockerClient, container: str) -> ReplicaUsage:
    """Return a container's usage; CPU is over its lifetime."""
    started = client.api.inspect_container(container)["State"]["StartedAt"]
    # One measurement: without this the engine waits a second for another.
    stats = client.api.stats(container, stream=False, one_shot=True)
    return usage_in(stats, max(time.time_ns() - parse_rfc3339(started), 1))


def usage_in(stats: dict[str, Any], age_ns: int) -> ReplicaUsage:
    """Return the usage in the engine's statistics of a container."""
    memory = stats.get("memory_stats", {})
    details = memory.get("stats", {})
    # Without the files that the kernel keeps in memory while there is room, as
    # ``docker stats`` shows it; cgroup v1 and v2 have different names.
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    cpu_ns = stats["cpu_stats"]["cpu_usage"]["total_usage"]
    return ReplicaUsage(round(1000 * cpu_ns / age_ns, 3), max(0, memory.get("usage", 0) - cache))
