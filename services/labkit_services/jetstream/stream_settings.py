"""How the lab's streams and buckets are created; it imports no NATS."""

from __future__ import annotations

from dataclasses import dataclass

from labkit_services.runtime.service import Service

LAB_MARK = "labkit.lab"
"""In a stream's metadata: the id of the lab that it belongs to."""


@dataclass(frozen=True)
class StreamSettings:
    """How new streams and buckets are created.

    Attributes:
        replicas: Number of servers that hold each message: 1, or 3 on a
            cluster.
        lab: Id of the lab, if NATS is not the lab's own; else "".
    """

    replicas: int = 1
    lab: str = ""

    @classmethod
    def read(cls, service: Service) -> StreamSettings:
        """Read a service's settings."""
        return cls(service.number("nats_stream_replicas", 1), service.setting("nats_lab"))

    @property
    def metadata(self) -> dict[str, str] | None:
        """What marks a stream as this lab's, on a NATS of others."""
        return {LAB_MARK: self.lab} if self.lab else None
