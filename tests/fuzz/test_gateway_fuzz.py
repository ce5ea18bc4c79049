"""The running gateway conforms to its OpenAPI document for any request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateways import client, deploy
from labs import start_lab

FUZZ_SECONDS = 25


def test_every_response_is_documented(workspace: Path) -> None:
    """Schemathesis checks statuses, headers, bodies, methods, credentials.

    It runs as a process of its own, so that its warnings do not fail this test run.
    """
    (workspace / "fuzz").mkdir()
    settings = {"write_timeout": "200ms", "upstream_timeout": "2s"}
    with start_lab(workspace, environment=settings) as lab, client(lab) as http:
        deploy(http, "figlet", "cat")  # the document's example, so that some calls reach a function
        state = lab.aio.state
        fuzz = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--no-color"),
                *("--config-file", Path(__file__).with_name("schemathesis.toml")),
                *("run", f"{state.gateway_url}/openapi.json", "--auth", f"{state.user}:{state.password}"),
                *("--max-time", str(FUZZ_SECONDS), "--request-timeout", "10", "--no-shrink"),
                *("--generation-database", "none", "--continue-on-failure"),
            ],
            cwd=workspace / "fuzz",
            capture_output=True,
            text=True,
            timeout=90,
        )

        assert fuzz.returncode == 0, fuzz.stdout[-8000:] + fuzz.stderr[-2000:]
        paths = http.get("/openapi.json", auth=None).json()["paths"]
        operations = sum(len(item.keys() - {"parameters"}) for item in paths.values())
        # All but the route of the document itself.
        assert f"Tested: {operations - 1}\n" in fuzz.stdout
        # Status 500 does not reveal a failed handler: a function may return it, too.
        assert "handler failed" not in lab.logs("gateway")
        deploy(http, "after", "cat")
        assert http.post("/function/after", content="still here").text == "still here"
