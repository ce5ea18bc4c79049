"""The lab's client of the gateway."""

from __future__ import annotations

import ssl

import pytest

from labkit.clients.gateway import GatewayClient


@pytest.mark.parametrize(
    ("url", "mode"),
    [("https://gateway.example", ssl.CERT_REQUIRED), ("http://127.0.0.1:8080", ssl.CERT_NONE)],
)
def test_certificates_of_https_urls_are_verified(url: str, mode: ssl.VerifyMode) -> None:
    client = GatewayClient(url, "admin", "secret")._http()

    assert client._transport._pool._ssl_context.verify_mode is mode
