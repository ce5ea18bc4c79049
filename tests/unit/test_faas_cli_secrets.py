"""Secrets' values as ``faas-cli secret generate`` makes and writes them."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli import main


@pytest.fixture(autouse=True)
def builtin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")


@pytest.mark.parametrize(("flags", "digits"), [([], 64), (["--length", "4"], 8)])
def test_a_generated_secret_is_random_bytes_in_hexadecimal(
    flags: list[str], digits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    values = set()
    for _ in range(2):
        assert main(["secret", "generate", *flags]) == 0
        values.add(capsys.readouterr().out)

    assert len(values) == 2
    assert all(re.fullmatch(f"[0-9a-f]{{{digits}}}\n", value) for value in values)


def test_a_generated_secret_s_file_and_folder_are_private(tmp_path: Path) -> None:
    assert main(["secret", "generate", "-o", "keys/api"]) == 0

    file = tmp_path / "keys" / "api"
    assert re.fullmatch("[0-9a-f]{64}", file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_negative_length_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secret", "generate", "--length=-1"]) == 1
    assert capsys.readouterr().out.startswith("--length -1 is not a number of bytes\n")
