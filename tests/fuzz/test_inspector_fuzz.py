"""The running inspector conforms to its OpenAPI document for any request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
from labs import start_lab

FUZZ_SECONDS = 30


def test_every_response_of_the_inspector_is_documented(workspace: Path) -> None:
    """Schemathesis checks statuses, headers, bodies, methods, the token.

    It runs as a process of its own, so that its warnings do not fail this test run.
    """
    (workspace / "fuzz").mkdir()
    with start_lab(workspace) as lab:
        state = lab.aio.state
        url, token = state.inspector_url, state.inspector_token
        for name in ("callbacks", "callbacks", "other"):
            httpx.post(f"{url}/r/{name}", content=b"fuzzed")
        fuzz = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--no-color"),
                *("--config-file", Path(__file__).with_name("inspector.toml")),
                *("run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}"),
                *("--max-time", str(FUZZ_SECONDS), "--request-timeout", "10", "--no-shrink"),
                *("--generation-database", "none", "--continue-on-failure"),
                # Streams do not end, faults, a reset and fewer workers would stop services, and
                # what is sent to a path outside of the API would be captured.
                *(
                    "--exclude-path-regex",
                    "events$|/(faults|reset|workers)|^/(healthz|ready|metrics|openapi.json)$",
                ),
            ],
            cwd=workspace / "fuzz",
            capture_output=True,
            text=True,
            timeout=120,
        )

        assert fuzz.returncode == 0, fuzz.stdout[-8000:] + fuzz.stderr[-2000:]
        log = lab.logs("inspector")
        assert "handler failed" not in log
        assert "Traceback" not in log
        assert httpx.post(f"{url}/r/after", content=b"still here").status_code == 200
