"""The running lab that service tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests of this process that leave it intact."""
    lab = start_lab(tmp_path_factory.mktemp("lab"))
    # Each test says for itself what its commands should find.
    environment.leave(lab.aio.workspace)
    yield lab
    lab.stop()
