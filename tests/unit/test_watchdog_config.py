"""The watchdog's settings."""

from __future__ import annotations

import dataclasses

import pytest

from labkit_services.contract.errors import InvalidValueError
from labkit_services.watchdog.config import Mode, WatchdogConfig


@pytest.mark.row("3.1 defaults")
def test_defaults_are_those_of_the_classic_watchdog() -> None:
    assert WatchdogConfig.from_environ({"fprocess": "cat"}) == WatchdogConfig(
        fprocess="cat",
        read_timeout=30.0,
        write_timeout=30.0,
        exec_timeout=0.0,
        healthcheck_interval=30.0,
        port=8080,
        metrics_port=8081,
        combine_output=True,
        write_debug=False,
        content_type="",
        cgi_headers=True,
        marshal_request=False,
        suppress_lock=False,
        max_inflight=0,
    )


@pytest.mark.row("3.1 defaults")
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("fprocess", "figlet -w 60", "figlet -w 60"),
        ("read_timeout", "5", 5.0),
        ("write_timeout", "1m5s", 65.0),
        ("exec_timeout", "250ms", 0.25),
        ("healthcheck_interval", "2", 2.0),
        ("port", "0", 0),
        ("metrics_port", "9100", 9100),
        ("combine_output", "false", False),
        ("write_debug", "true", True),
        ("content_type", "image/png", "image/png"),
        ("cgi_headers", "false", False),
        ("marshal_request", "true", True),
        ("suppress_lock", "true", True),
        ("max_inflight", "7", 7),
    ],
)
def test_every_setting_is_read_from_the_environment(name: str, text: str, value: object) -> None:
    default = WatchdogConfig.from_environ({"fprocess": "cat", "healthcheck_interval": "30"})

    config = WatchdogConfig.from_environ({"fprocess": "cat", "healthcheck_interval": "30", name: text})

    assert config == dataclasses.replace(default, **{name: value})


@pytest.mark.row("3.1 defaults")
def test_healthcheck_interval_follows_write_timeout() -> None:
    assert WatchdogConfig.from_environ({"fprocess": "cat", "write_timeout": "3s"}).healthcheck_interval == 3.0


@pytest.mark.parametrize("value", ["soon", "-5", "5 s", "1.5"])
def test_an_invalid_duration_counts_as_not_set(value: str) -> None:
    assert WatchdogConfig.from_environ({"fprocess": "cat", "exec_timeout": value}).exec_timeout == 0.0


@pytest.mark.parametrize("value", ["-1", "eight", "80.0"])
def test_an_invalid_number_counts_as_not_set(value: str) -> None:
    config = WatchdogConfig.from_environ({"fprocess": "cat", "port": value, "max_inflight": value})

    assert (config.port, config.max_inflight) == (8080, 0)


@pytest.mark.parametrize("value", ["1", "yes", "True", "TRUE"])
@pytest.mark.row("3.1 booleans")
def test_only_the_word_true_means_yes(value: str) -> None:
    config = WatchdogConfig.from_environ({"fprocess": "cat", "write_debug": value, "combine_output": value})

    assert not config.write_debug
    assert not config.combine_output


@pytest.mark.row("3.1 fprocess")
def test_the_command_is_split_at_every_blank_without_quotes() -> None:
    assert WatchdogConfig(fprocess="sh -c 'a  b'").argv == ("sh", "-c", "'a", "", "b'")


@pytest.mark.parametrize("environ", [{}, {"fprocess": ""}])
def test_without_fprocess_the_error_names_the_next_step(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="Provide a valid process via fprocess") as caught:
        WatchdogConfig.from_environ(environ)

    assert "--fprocess" in caught.value.next_step


OF = {"fprocess": "server", "mode": "http", "upstream_url": "http://127.0.0.1:5000"}


@pytest.mark.row("3.2 defaults")
def test_with_a_mode_the_defaults_are_of_watchdog_s() -> None:
    config = WatchdogConfig.from_environ({**OF, "suppress_lock": "1"})

    assert (config.mode, config.exec_timeout, config.prefix_logs) == (Mode.HTTP, 30.0, True)
    assert config.suppress_lock


@pytest.mark.row("3.2 defaults")
def test_function_process_replaces_fprocess_only_with_a_mode() -> None:
    both = {"fprocess": "cat", "function_process": "rev"}

    assert WatchdogConfig.from_environ({**both, "mode": "streaming"}).fprocess == "rev"
    assert WatchdogConfig.from_environ(both).fprocess == "cat"


@pytest.mark.row("3.2 static")
def test_mode_static_needs_no_command_and_has_a_default_folder() -> None:
    assert WatchdogConfig.from_environ({"mode": "static"}).static_path == "/home/app/public"
    assert WatchdogConfig.from_environ({"mode": "static", "static_path": "site"}).static_path == "site"


@pytest.mark.row("3.2 defaults")
def test_with_a_mode_stderr_is_never_in_the_response_and_its_type_is_octet_stream() -> None:
    config = WatchdogConfig.from_environ({"fprocess": "cat", "mode": "serializing", "combine_output": "true"})

    assert not config.combine_output
    assert config.content_type == "application/octet-stream"


def test_upstream_url_replaces_its_older_name() -> None:
    config = WatchdogConfig.from_environ({**OF, "http_upstream_url": "http://other"})

    assert config.upstream_url == OF["upstream_url"]


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"fprocess": "cat", "mode": "afterburn"}, "unknown watchdog mode: afterburn"),
        ({"fprocess": "cat", "mode": "streaming", "write_timeout": "0"}, "write timeout must be over 0s"),
        ({"mode": "serializing"}, "fprocess"),
        ({"mode": "static", "static_path": ""}, "static_path"),
        ({"fprocess": "cat", "mode": "http"}, "upstream_url"),
        ({"function_process": "cat"}, "fprocess"),
    ],
)
def test_a_mode_with_a_missing_or_invalid_setting_is_an_error(environ: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidValueError, match=text):
        WatchdogConfig.from_environ(environ)
