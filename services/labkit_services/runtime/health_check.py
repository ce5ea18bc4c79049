"""A container's health check: exit code 0 if the service answers.

python -m labkit_services.runtime.health_check PORT
"""

from __future__ import annotations

import sys
from urllib.error import URLError
from urllib.request import urlopen

_TIMEOUT_SECONDS = 2.0


def health_problem(port: int) -> str:
    """Return why ``/healthz`` does not answer 200 on loopback, or ""."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=_TIMEOUT_SECONDS):  # http only
            return ""
    except (URLError, OSError) as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(health_problem(int(sys.argv[1])) or 0)
