"""A learner's first cell in a fresh process: ``python -m benchmarks.cold FOLDER``.

Prints one JSON line when the first call is answered, another when the
function is removed again, which it does on a line of input; ends at its end.
"""

from __future__ import annotations

import json
import sys
import time

imported = time.perf_counter()
from labkit import Lab  # noqa: E402 - the import is part of what is measured

begin = time.perf_counter()


def _since_begin() -> float:
    return (time.perf_counter() - begin) * 1e3


def main() -> None:
    """Start, deploy, call; report."""
    lab = Lab.start(sys.argv[1], gateway_port=0, inspector_port=0, attach=False)
    ready = _since_begin()
    lab.deploy("cat", fprocess="cat")
    deployed = _since_begin()
    answer = lab.invoke("cat", "hello")
    answered = _since_begin()
    assert answer.body == b"hello", answer
    report = {
        "import_ms": (begin - imported) * 1e3,
        "ready_ms": ready,
        "deployed_ms": deployed,
        "ms": answered,
        "supervisor": lab.aio.state.pid,
    }
    print(json.dumps(report), flush=True)
    if sys.stdin.readline():
        lab.remove("cat")
        print("{}", flush=True)
        sys.stdin.read()
    lab.stop()


if __name__ == "__main__":
    main()
