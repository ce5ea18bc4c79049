"""The inspector's settings."""

from __future__ import annotations

from dataclasses import dataclass

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.names import DEFAULT_INSPECTOR_PORT
from labkit_services.inspector.store import Bounds
from labkit_services.runtime.service import Service

_DEFAULT = Bounds()


class PortTakenError(LabError, OSError):
    """The inspector can't listen on its port."""

    @classmethod
    def at(cls, port: int, cause: OSError) -> PortTakenError:
        """Name the port and the reason."""
        return cls(
            f"the inspector can't listen on port {port}",
            expected=f"127.0.0.1:{port} to be free",
            seen=str(cause),
            next_step="end what listens there, or set another port; port=0 takes any",
        )


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says; ``__main__`` describes each.

    Attributes:
        port: Port asked for.
        port_fallback: Take any when it is taken.
        token: Of page and API.
        nats_url: Or "".
        max_body: Bytes kept of a body.
        bounds: Of the store.
    """

    port: int
    port_fallback: bool
    token: str
    nats_url: str
    max_body: int
    bounds: Bounds

    @classmethod
    def read(cls, service: Service) -> Config:
        """Read the settings.

        Raises:
            InvalidValueError: One does not fit.
        """

        def at_least_one(name: str, default: int) -> int:
            number = service.number(name, default)
            if number < 1:
                raise InvalidValueError(
                    f"the setting {name} is too small", expected="1 or more", seen=str(number)
                )
            return number

        token = service.setting("inspector_token")
        if not all("!" <= letter <= "~" and letter not in '";,\\' for letter in token):
            raise InvalidValueError(
                "the setting inspector_token can't be a cookie",
                expected="printable ASCII letters without blanks, quotes, commas, semicolons",
            )
        return cls(
            port=service.number("port", DEFAULT_INSPECTOR_PORT),
            port_fallback=service.flag("port_fallback", default=True),
            token=token,
            nats_url=service.setting("nats_url"),
            max_body=at_least_one("max_body", 1024 * 1024),
            bounds=Bounds(
                bins=at_least_one("max_bins", _DEFAULT.bins),
                capacity=at_least_one("bin_capacity", _DEFAULT.capacity),
                memory=at_least_one("max_memory", _DEFAULT.memory),
            ),
        )
