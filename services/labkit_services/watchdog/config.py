"""The watchdog's settings, by the names OpenFaaS's two watchdogs give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import STATIC_PATH


class Mode(StrEnum):
    """How a request reaches the function."""

    CLASSIC = "classic"  # a process for each request, which reads it all and answers it all
    HTTP = "http"  # one process for all requests, which speaks HTTP
    STREAMING = "streaming"  # a process for each request, whose output is passed on as it comes
    SERIALIZING = "serializing"  # a process for each request, whose output is collected first
    STATIC = "static"  # no process: files


@dataclass(frozen=True, slots=True)
class Config:
    """One watchdog's settings; durations in seconds.

    Names, defaults and the rules for odd values are those of
    classic-watchdog's ``readconfig.go``, and with ``mode`` given those of
    of-watchdog's ``config.go``. In both, a value that can't be read counts as
    not given; of all spellings of yes, the first knows only ``true``, the second
    ``1`` as well.

    Attributes:
        fprocess: The command, as written; mode static needs none.
        mode: Which watchdog to be; classic unless ``mode`` says otherwise.
        read_timeout: How long a client may take to send its request.
        write_timeout: How long after a request's head its answer may come: a later
            one is dropped, and the connection closed. Also how long requests in
            flight may go on after SIGTERM. 0 means for ever, and after SIGTERM not at all.
        exec_timeout: How long the function's process may run; 0 means for ever.
        healthcheck_interval: How long requests are still taken after SIGTERM,
            so that whoever checks the health notices.
        port: Port to listen on; 0 means any.
        metrics_port: Port of ``/metrics``; 0 means any. In OpenFaaS it is always 8081,
            but there no two watchdogs share a machine's ports.
        combine_output: Put the process's stderr into the answer, not into the log; classic only.
        write_debug: Copy the process's output to the log.
        content_type: ``Content-Type`` of every answer, or "". Modes http and static know better.
        cgi_headers: Give the process the ``Http_*`` variables.
        marshal_request: Give the process headers and body as one JSON document.
        suppress_lock: Write no lock file.
        max_inflight: Requests at once; above it 429. 0 means no limit.
        upstream_url: Where the process of mode http listens.
        upstream_port_is_free: The process listens on whatever port ``upstream_url``
            names, so that each of several replicas on one machine gets its own.
            A setting of the lab: containers never meet on a port.
        prefix_logs: In the log, put time and stream before each line of the function's.
        static_path: Folder of mode static.
        ready_path: What ``/_/ready`` asks the process for, or "".
    """

    fprocess: str
    mode: Mode = Mode.CLASSIC
    read_timeout: float = 30.0
    write_timeout: float = 30.0
    exec_timeout: float = 0.0
    healthcheck_interval: float = 30.0
    port: int = 8080
    metrics_port: int = 8081
    combine_output: bool = True
    write_debug: bool = False
    content_type: str = ""
    cgi_headers: bool = True
    marshal_request: bool = False
    suppress_lock: bool = False
    max_inflight: int = 0
    upstream_url: str = ""
    upstream_port_is_free: bool = False
    prefix_logs: bool = True
    static_path: str = STATIC_PATH
    ready_path: str = ""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command's words: split at every single blank, no quotes, no shell."""
        return tuple(self.fprocess.split(" "))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Config:
        """Read the settings from environment variables.

        Raises:
            InvalidValueError: There is no command, no such mode, or what the mode needs is missing.
        """
        mode = _mode(environ.get("mode", ""))
        classic = mode is Mode.CLASSIC
        write_timeout = _duration(environ, "write_timeout", 30.0)
        config = cls(
            fprocess=_command(environ, mode),
            mode=mode,
            read_timeout=_duration(environ, "read_timeout", 30.0),
            write_timeout=write_timeout,
            exec_timeout=_duration(environ, "exec_timeout", 0.0 if classic else 30.0),
            healthcheck_interval=_duration(environ, "healthcheck_interval", write_timeout),
            port=_whole_number(environ, "port", 8080),
            metrics_port=_whole_number(environ, "metrics_port", 8081),
            combine_output=classic and _flag(environ, "combine_output", mode, default=True),
            write_debug=_flag(environ, "write_debug", mode, default=False),
            content_type=environ.get("content_type") or ("" if classic else "application/octet-stream"),
            cgi_headers=_flag(environ, "cgi_headers", mode, default=True),
            marshal_request=_flag(environ, "marshal_request", mode, default=False),
            suppress_lock=_flag(environ, "suppress_lock", mode, default=False),
            max_inflight=_whole_number(environ, "max_inflight", 0),
            upstream_url=environ.get("upstream_url") or environ.get("http_upstream_url", ""),
            upstream_port_is_free=environ.get("upstream_port") == "any",
            prefix_logs=_flag(environ, "prefix_logs", mode, default=True),
            static_path=environ.get("static_path", STATIC_PATH),
            ready_path=environ.get("ready_path", ""),
        )
        config._check()
        return config

    def _check(self) -> None:
        if self.mode is not Mode.CLASSIC and not self.write_timeout:
            raise InvalidValueError(
                "HTTP write timeout must be over 0s",
                expected="a duration such as write_timeout=30s; only without mode 0 means for ever",
                seen="write_timeout=0",
            )
        if self.mode is Mode.STATIC and not self.static_path:
            raise InvalidValueError(
                'For mode=static you must specify the "static_path" to serve',
                expected=f"a folder; {STATIC_PATH} unless static_path says otherwise",
                seen="an empty static_path in the environment",
            )
        if self.mode is Mode.HTTP and not (self.upstream_url or self.upstream_port_is_free):
            raise InvalidValueError(
                "For mode=http you must specify the URL of your process via upstream_url.",
                expected="where the process listens, such as upstream_url=http://127.0.0.1:5000",
                seen="no upstream_url in the environment",
                next_step="set ENV upstream_url in the function's Dockerfile",
            )


def _mode(text: str) -> Mode:
    try:
        return Mode(text) if text else Mode.CLASSIC
    except ValueError:
        raise InvalidValueError(
            f"unknown watchdog mode: {text}",
            expected=", ".join(Mode),
            seen=f"mode={text} in the environment",
        ) from None


def _command(environ: Mapping[str, str], mode: Mode) -> str:
    command = environ.get("fprocess", "")
    if mode is not Mode.CLASSIC:
        command = environ.get("function_process") or command
    if not command and mode is not Mode.STATIC:
        raise InvalidValueError(
            "Provide a valid process via fprocess environmental variable.",
            expected="the command to run, such as fprocess=cat",
            seen="no fprocess in the environment",
            next_step="deploy the function with --fprocess, or set ENV fprocess in its Dockerfile",
        )
    return command


def _duration(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return parse_duration(environ.get(name, ""))
    except InvalidValueError:
        return default


def _whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    return int(text) if text.isdecimal() else default


def _flag(environ: Mapping[str, str], name: str, mode: Mode, *, default: bool) -> bool:
    text = environ.get(name, "")
    return text in (("true",) if mode is Mode.CLASSIC else ("true", "1")) if text else default
