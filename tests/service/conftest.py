"""The running lab that service tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from docker_engine import DockerEngine, shared_engine
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests of this process that leave it intact."""
    lab = start_lab(tmp_path_factory.mktemp("lab"))
    # Each test says for itself what its commands should find.
    environment.leave(lab.aio.state)
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """The Docker engine that all tests of this run share; without one they are skipped."""
    base = tmp_path_factory.getbasetemp()
    with shared_engine(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) as engine:
        yield engine
