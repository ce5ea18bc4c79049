"""The watchdog's settings, with the names of OpenFaaS's two watchdogs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import STATIC_PATH
from labkit_services.contract.ports import WATCHDOG_METRICS_PORT, WATCHDOG_PORT


class Mode(StrEnum):
    """How a request reaches the function."""

    CLASSIC = "classic"  # a process for each request, with whole input and output
    HTTP = "http"  # one process for all requests, which is an HTTP server
    STREAMING = "streaming"  # a process for each request, whose output is forwarded as it is written
    SERIALIZING = "serializing"  # as classic, with of-watchdog's settings and responses
    STATIC = "static"  # files, without a process


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    """One watchdog's settings; durations in seconds.

    Names, defaults and the rules for invalid values are those of
    classic-watchdog's ``readconfig.go``, and with ``mode`` set those of
    of-watchdog's ``config.go``. In both, an invalid value counts as not set;
    for yes the first accepts only ``true``, the second also ``1``.
    """

    fprocess: str  # the command, as written; not needed in mode static
    mode: Mode = Mode.CLASSIC
    read_timeout: float = 30.0  # how long a client may take to send its request
    # How long after a request's head its response may come: a later one is
    # dropped, and the connection closed. Also how long requests in flight may
    # take after SIGTERM. 0: no limit, but after SIGTERM no time.
    write_timeout: float = 30.0
    exec_timeout: float = 0.0  # how long the function's process may run; 0 means no limit
    # How long requests are still accepted after SIGTERM, so that health checks
    # notice.
    healthcheck_interval: float = 30.0
    port: int = WATCHDOG_PORT  # 0 means any
    # OpenFaaS's watchdogs listen on all addresses, which in a container are
    # its own.
    listen_address: str = "127.0.0.1"
    # Of ``/metrics``; 0 means any. In OpenFaaS it is always 8081, where each
    # watchdog has its own ports.
    metrics_port: int = WATCHDOG_METRICS_PORT
    combine_output: bool = True  # add the process's stderr to the response, not to the log; classic only
    write_debug: bool = False  # copy the process's output to the log
    content_type: str = ""  # ``Content-Type`` of every response, or ""; not used by modes http and static
    cgi_headers: bool = True  # set the ``Http_*`` variables
    marshal_request: bool = False  # write headers and body to the process as one JSON document
    suppress_lock: bool = False  # do not write a lock file
    max_inflight: int = 0  # limit for concurrent requests; above it 429; 0 means no limit
    upstream_url: str = ""  # URL on which the process of mode http listens
    # The process listens on any port that ``upstream_url`` names, so that each
    # of several replicas on one machine gets its own. A setting of the lab:
    # containers do not share ports.
    upstream_port_is_free: bool = False
    prefix_logs: bool = True  # prefix each line of the function in the log with time and stream
    static_path: str = STATIC_PATH  # folder of mode static
    ready_path: str = ""  # path that ``/_/ready`` requests from the process, or ""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command's words, split at every blank: no quotes, no shell."""
        return tuple(self.fprocess.split(" "))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> WatchdogConfig:
        """Read the settings from environment variables.

        Raises InvalidValueError if the command, a valid mode, or a setting of
        the mode is missing.
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
            port=_whole_number(environ, "port", WATCHDOG_PORT),
            listen_address=environ.get("listen_address") or "127.0.0.1",
            metrics_port=_whole_number(environ, "metrics_port", WATCHDOG_METRICS_PORT),
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
                expected=f"a folder; the default is {STATIC_PATH}",
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
