"""Settings of an image that the lab does not use: only checked."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_PROTOCOLS = ("", "tcp", "udp", "sctp")
_SHORTEST = 0.001  # seconds, of a health check


def check_setting(name: str, values: Sequence[str]) -> None:
    """Raise BuildKit's error for a setting's values, variables replaced."""
    for value in values:
        if name == "VOLUME" and not value:
            raise DockerfileError("VOLUME specified can not be an empty string")
        if name == "STOPSIGNAL" and not _is_signal(value):
            raise DockerfileError(f"Invalid signal: {value}")
        if name == "EXPOSE":
            for port in value.split():
                _check_port(port)


def check_healthcheck(kind: str, command: Sequence[str], flags: Mapping[str, Sequence[str]]) -> None:
    """Raise BuildKit's error for a ``HEALTHCHECK``."""
    if kind.upper() == "NONE":
        if command:
            raise DockerfileError("HEALTHCHECK NONE takes no arguments")
        return
    if kind.upper() != "CMD":
        raise DockerfileError(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    if not command:
        raise DockerfileError("Missing command after HEALTHCHECK CMD")
    for name, (value,) in flags.items():
        if name == "retries":
            _check_retries(value)
        elif value:
            _check_interval(name, value)


def _check_retries(text: str) -> None:
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise DockerfileError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if int(text) < 0:
        raise DockerfileError(f"--retries cannot be negative ({int(text)})")


def _check_interval(name: str, text: str) -> None:
    if re.fullmatch(r"[\d.]+", text, re.ASCII) and text != "0":
        raise DockerfileError(f'time: missing unit in duration "{text}"')
    try:
        seconds = parse_duration(text)
    except InvalidValueError as error:
        raise DockerfileError(f'time: invalid duration "{text}"') from error
    if 0 < seconds < _SHORTEST:
        raise DockerfileError(f'Interval "{name}" cannot be less than 1ms')


def _check_port(text: str) -> None:
    """Check ``[ip:][host port:]port[-last port][/protocol]``."""
    *outer, last = text.split(":")
    port, _, protocol = last.partition("/")
    if not port:
        raise DockerfileError(f"no port specified: {last}<empty>")
    if protocol.lower() not in _PROTOCOLS:
        raise DockerfileError(f"invalid proto: {protocol.lower()}")
    if not _is_range(port):
        raise DockerfileError(f"invalid containerPort: {port}")
    if outer and outer[-1] and not _is_range(outer[-1]):
        raise DockerfileError(f"invalid hostPort: {outer[-1]}")


def _is_range(text: str) -> bool:
    match = _PORTS.fullmatch(text)
    return match is not None and int(match[1]) <= int(match[2] or match[1]) <= 65_535


def _is_signal(text: str) -> bool:
    if text.isdecimal():
        return int(text) > 0
    name = "SIG" + text.upper().removeprefix("SIG")
    return name in signal.Signals.__members__ or name.startswith("SIGRT")
