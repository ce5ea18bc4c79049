"""The function's environment, as the watchdog reads it."""

from __future__ import annotations

import json
import os
import tempfile

import pytest

from labkit_services.watchdog.environment import function_environment, read_settings


def test_without_an_argument_the_settings_are_the_own_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"fprocess": "cat"})

    assert read_settings([]) == {"fprocess": "cat"}


def test_settings_are_read_from_an_inherited_file_which_is_then_closed() -> None:
    settings = {"fprocess": "cat", "LATIN": os.fsdecode(b"caf\xe9"), "LONG": "x" * 200_000}
    with tempfile.TemporaryFile("w+") as file:
        json.dump(settings, file)
        file.flush()  # its position is at the end: it is not what counts
        descriptor = os.dup(file.fileno())

        assert read_settings([str(descriptor)]) == settings
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_function_gets_its_variables_byte_for_byte_but_not_the_watchdog_s_lifeline() -> None:
    settings = {"PATH": "/bin", "LATIN": os.fsdecode(b"caf\xe9"), "lifeline": "stdin"}

    assert function_environment(settings) == {b"PATH": b"/bin", b"LATIN": b"caf\xe9"}
