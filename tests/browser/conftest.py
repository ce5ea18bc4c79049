"""A headless Chromium for the tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from chromium import Chromium, chromium, find_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    binary = find_chromium()
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, which CI must have")
        pytest.skip("no Chromium: install chromium, or set $CHROMIUM to one")
    with chromium(binary) as running:
        yield running
