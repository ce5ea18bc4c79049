"""Checksums of the consumers' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.supervisor.store import seal


def test_checksums_are_those_of_every_consumer_s_files_and_are_used_once(tmp_path: Path) -> None:
    consumer = tmp_path / "streams/OF_q/obs/workers"
    consumer.mkdir(parents=True)
    (consumer / "o.dat").write_bytes(b"state")
    taken = seal.take(tmp_path / "streams")
    (consumer / "o.dat").write_bytes(b"State")

    assert list(taken) == ["OF_q/obs/workers"]
    assert seal.take(tmp_path / "streams") != taken
    seal.write(tmp_path / "seal", taken)
    assert seal.use(tmp_path / "seal") == taken
    assert seal.use(tmp_path / "seal") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": 1}', "[" * 100_000])
def test_unreadable_checksums_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "seal").write_text(text)
    assert seal.use(tmp_path / "seal") == {}
