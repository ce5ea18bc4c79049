"""The log files of services are bounded."""

from __future__ import annotations

from pathlib import Path

from labkit.supervisor.files import LogFile


def test_a_log_is_bounded_while_its_process_keeps_writing(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    with log.open() as file:
        file.write(b"x" * 100)
        bounded = log.bound(limit=50)
        file.write(b"more\n")

    assert bounded
    assert (tmp_path / "a.log").read_text() == "[labkit: the lines before this one are in a.log.1]\nmore\n"
    assert len((tmp_path / "a.log.1").read_bytes()) == 100
    assert log.tail() == ["more"]


def test_a_bounded_log_says_how_much_is_not_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    with log.open() as file:
        file.write(b"x" * 100)
        log.bound(limit=50)
        file.write(b"y" * 100)
        log.bound(limit=50)

    first = (tmp_path / "a.log").read_text().splitlines()[0]
    assert (
        first == "[labkit: the lines before this one are in a.log.1; 100 bytes of earlier ones are not kept]"
    )
