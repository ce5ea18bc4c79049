"""The watchdog's settings, by the names OpenFaaS's classic-watchdog gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.contract.durations import parse_duration
from services.contract.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Config:
    """One watchdog's settings; durations in seconds.

    Names, defaults and the rules for odd values are those of
    classic-watchdog's ``readconfig.go``: a value that can't be read counts as
    not given, and of all spellings of yes only ``true`` is one.

    Attributes:
        fprocess: The command, as written.
        read_timeout: How long a client may take to send its request.
        write_timeout: How long requests in flight may go on after SIGTERM.
        exec_timeout: How long the function's process may run; 0 means for ever.
        healthcheck_interval: How long requests are still taken after SIGTERM,
            so that whoever checks the health notices.
        port: Port to listen on; 0 means any.
        combine_output: Put the process's stderr into the answer, not into the log.
        write_debug: Copy the process's output to the log.
        content_type: ``Content-Type`` of every answer, or "".
        cgi_headers: Give the process the ``Http_*`` variables.
        marshal_request: Give the process headers and body as one JSON document.
        suppress_lock: Write no lock file.
        max_inflight: Requests at once; above it 429. 0 means no limit.
    """

    fprocess: str
    read_timeout: float = 30.0
    write_timeout: float = 30.0
    exec_timeout: float = 0.0
    healthcheck_interval: float = 30.0
    port: int = 8080
    combine_output: bool = True
    write_debug: bool = False
    content_type: str = ""
    cgi_headers: bool = True
    marshal_request: bool = False
    suppress_lock: bool = False
    max_inflight: int = 0

    @property
    def argv(self) -> tuple[str, ...]:
        """The command's words: split at every single blank, no quotes, no shell."""
        return tuple(self.fprocess.split(" "))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Config:
        """Read the settings from environment variables.

        Raises:
            InvalidValueError: There is no ``fprocess``.
        """
        fprocess = environ.get("fprocess", "")
        if not fprocess:
            raise InvalidValueError(
                "Provide a valid process via fprocess environmental variable.",
                expected="the command to run for each request, such as fprocess=cat",
                seen="no fprocess in the environment",
                next_step="deploy the function with --fprocess, or set ENV fprocess in its Dockerfile",
            )
        write_timeout = _duration(environ, "write_timeout", 30.0)
        return cls(
            fprocess=fprocess,
            read_timeout=_duration(environ, "read_timeout", 30.0),
            write_timeout=write_timeout,
            exec_timeout=_duration(environ, "exec_timeout", 0.0),
            healthcheck_interval=_duration(environ, "healthcheck_interval", write_timeout),
            port=_whole_number(environ, "port", 8080),
            combine_output=_flag(environ, "combine_output", default=True),
            write_debug=_flag(environ, "write_debug", default=False),
            content_type=environ.get("content_type", ""),
            cgi_headers=_flag(environ, "cgi_headers", default=True),
            marshal_request=_flag(environ, "marshal_request", default=False),
            suppress_lock=_flag(environ, "suppress_lock", default=False),
            max_inflight=_whole_number(environ, "max_inflight", 0),
        )


def _duration(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return parse_duration(environ.get(name, ""))
    except InvalidValueError:
        return default


def _whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    return int(text) if text.isdecimal() else default


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name, "")
    return text == "true" if text else default
