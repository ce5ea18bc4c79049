"""The verdict on a webhook's signature, with a secret set on the bin."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from inspectors import Inspector, inspector

pytestmark = pytest.mark.anyio
SECRET = "It's a Secret to Everybody"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector(max_body="1000") as running:
        yield running


def signed(body: bytes, secret: str = SECRET, scheme: str = "sha256") -> str:
    return f"{scheme}={hmac.new(secret.encode(), body, scheme).hexdigest()}"


@pytest.mark.parametrize(
    ("body", "headers", "valid", "why"),
    [
        # The example of GitHub's documentation.
        (
            b"Hello, World!",
            ["X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"],
            True,
            "signed with the bin's secret",
        ),
        (b"", [f"X-Hub-Signature-256: {signed(b'')}"], True, "signed with the bin's secret"),
        (b"\xff\x00", [f"x-hub-signature-256: {signed(bytes([255, 0]))}"], True, "secret"),
        (b"x", [f"X-Hub-Signature-256: {signed(b'x').upper().replace('SHA256', 'sha256')}"], True, "secret"),
        (b"changed", [f"X-Hub-Signature-256: {signed(b'x')}"], False, "another body"),
        (b"x", [f"X-Hub-Signature-256: {signed(b'x', 'wrong')}"], False, "another secret"),
        (b"x", [], False, "missing"),
        (b"x", ["X-Hub-Signature-256: sha256=abc"], False, "malformed"),
        (b"x", ["X-Hub-Signature-256: "], False, "malformed"),
        (b"x", [f"X-Hub-Signature-256: {signed(b'x', scheme='sha1')}"], False, "malformed"),
        (b"x", [f"X-Hub-Signature-256: {signed(b'x')}"] * 2, False, "came 2 times"),
        (b"x", [f"X-Hub-Signature: {signed(b'x', scheme='sha1')}"], True, "weak"),
        (b"x", [f"X-Hub-Signature: {signed(b'y', scheme='sha1')}"], False, "another body"),
        (b"x", ["X-Hub-Signature: sha1=0", f"X-Hub-Signature-256: {signed(b'x')}"], True, "secret"),
        (b"x" * 1001, [f"X-Hub-Signature-256: {signed(b'x' * 1001)}"], None, "beginning of the body"),
    ],
)
async def test_the_verdict_says_whether_a_signature_is_good_and_why(
    shared: Inspector, body: bytes, headers: list[str], valid: bool | None, why: str
) -> None:
    shared.api.put("/api/v1/bins/hooks", json={"secret": SECRET}).raise_for_status()
    await shared.send("/r/hooks", body, *headers)
    verdict = shared.get("/bins/hooks/requests/latest")["signature"]
    assert verdict["valid"] is valid, verdict
    assert why in verdict["why"]
    assert shared.get("/bins/hooks/requests")["requests"][0]["signature"] == verdict


async def test_without_a_secret_there_is_no_verdict(shared: Inspector) -> None:
    await shared.send("/r/plain", b"x", f"X-Hub-Signature-256: {signed(b'x')}")
    assert shared.get("/bins/plain/requests/latest")["signature"] is None
    assert shared.get("/bins/plain")["has_secret"] is False


async def test_the_secret_is_never_returned_nor_logged() -> None:
    with inspector() as running:
        texts = [running.api.put("/api/v1/bins/b", json={"secret": SECRET}).text]
        await running.send("/r/b", b"x", f"X-Hub-Signature-256: {signed(b'x')}")
        paths = ["", "/b", "/b/requests", "/b/requests/latest", "/b/responses", "/b/hold", "/b/export"]
        texts += [running.api.get(f"/api/v1/bins{path}").text for path in paths]
        texts.append(running.api.get("/api/v1/events", params={"poll": "1", "after": "0"}).text)
        assert running.get("/bins/b")["has_secret"] is True
        running.api.put("/api/v1/bins/b", json={"note": "kept"}).raise_for_status()
        assert running.get("/bins/b")["has_secret"] is True
        running.api.put("/api/v1/bins/b", json={"secret": ""}).raise_for_status()
        assert running.get("/bins/b")["has_secret"] is False
        assert running.api.put("/api/v1/bins/b", json={"secret": 5}).status_code == 422
        long = running.api.put("/api/v1/bins/b", json={"secret": SECRET * 100})
        assert long.status_code == 422
        texts += [long.text, *running.log]
    assert not [text for text in texts if "Everybody" in text]
