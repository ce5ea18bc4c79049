"""A lab without functions, with the certifier's second namespace."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from gateways import client
from labs import start_lab
from standards import NAMESPACE

from labkit import Lab
from labkit.lifecycle import environment


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One running lab for all conformance tests, on any ports."""
    with start_lab(tmp_path_factory.mktemp("conformance")) as lab:
        environment.leave(lab.aio.state)
        with client(lab) as http:
            assert http.post("/system/namespace/", json={"name": NAMESPACE}).status_code == 201
        yield lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http
