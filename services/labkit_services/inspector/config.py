"""The inspector's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.ports import DEFAULT_INSPECTOR_PORT, LOOPBACK
from labkit_services.inspector.storage.bin_store import StoreLimits
from labkit_services.runtime.listening import ListenSettings
from labkit_services.runtime.service import Service
from labkit_services.web.same_origin import allowed_hosts


class PortTakenError(LabError, OSError):
    """The inspector can't listen on its port."""


@dataclass(frozen=True, slots=True)
class InspectorConfig:
    """The settings in the environment; ``__main__`` describes each."""

    listening: ListenSettings
    owner_socket: str
    token: str
    nats_url: str
    gateway_url: str
    allow_targets: tuple[str, ...]
    lab_folder: str
    record: str
    allowed_hosts: tuple[str, ...]
    max_body: int
    history: Path | None
    limits: StoreLimits

    @classmethod
    def read(cls, service: Service) -> InspectorConfig:
        """Read the settings; an invalid one raises an InvalidValueError."""

        def positive(name: str, default: int) -> int:
            number = service.number(name, default)
            if number >= 1:
                return number
            headline = f"the setting {name} is too small"
            raise InvalidValueError(headline, expected="1 or more", seen=str(number))

        token = service.setting("inspector_token")
        if not all("!" <= character <= "~" and character not in '";,\\' for character in token):
            raise InvalidValueError(
                "the setting inspector_token can't be used as a cookie",
                expected="printable ASCII characters without blanks, quotes, commas, semicolons, backslashes",
            )
        return cls(
            listening=ListenSettings.read(
                service, service.setting("listen", LOOPBACK), DEFAULT_INSPECTOR_PORT
            ),
            owner_socket=service.setting("owner_socket"),
            token=token,
            nats_url=service.setting("nats_url"),
            gateway_url=service.setting("gateway_url"),
            allow_targets=tuple(service.setting("allow_targets").split(",")),
            lab_folder=service.setting("lab_folder"),
            record=service.setting("record"),
            allowed_hosts=allowed_hosts(service.settings),
            history=Path(history) if (history := service.setting("history")) else None,
            max_body=positive("max_body", 1024 * 1024),
            limits=StoreLimits(
                bins=positive("max_bins", StoreLimits.bins),
                capacity=positive("bin_capacity", StoreLimits.capacity),
                bytes=positive("max_bytes", StoreLimits.bytes),
            ),
        )
