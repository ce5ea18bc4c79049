"""The client of a gateway."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from labkit.clients.http_client import ServiceHttpClient
from labkit.errors import GatewayError


@pytest.mark.parametrize(
    ("url", "verify"), [("https://gateway.example", True), ("http://127.0.0.1:8080", False)]
)
def test_certificates_are_verified_for_https(url: str, verify: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(httpx, "AsyncClient", lambda **given: options.update(given))

    ServiceHttpClient("gateway", url, GatewayError).open()

    assert options["verify"] is verify
