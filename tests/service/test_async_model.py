"""Retries, cancel, redrive and purge in a live lab, against a model.

hypothesis walks through what a client can do to calls, in any order and while they run. The outcome is
read from the gateway, and from the oracle: a file in which the function writes down every attempt. The
rules alone, with every order of events, are tested in tests/unit/test_call_model.py; killed services in
tests/chaos.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from asynchronous import accept, letters, new_function, script, settled
from eventually import eventually
from gateways import client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from labkit import Lab

ATTEMPTS = 2
QUEUE = "model"
ANNOTATIONS = {
    "com.openfaas.queue": QUEUE,
    "com.openfaas.retry.attempts": str(ATTEMPTS),
    "com.openfaas.retry.min_wait": "50ms",
}
FUNCTION = """read fails pause
echo "$Http_X_Call_Id $Http_X_Attempt" >> {oracle}
sleep $pause
[ "$Http_X_Attempt" -gt "$fails" ]
"""


@dataclass
class Model:
    """The expected state of one call.

    Attributes:
        id: The call's id.
        fails: In how many attempts its function fails.
        body: What it was called with.
        before: How many attempts had been made when it was last queued.
        cancelled: The gateway has accepted its cancellation.
        seen: The final state that was last read; "" before that.
    """

    id: str
    fails: int
    body: str
    before: int = 0
    cancelled: bool = False
    seen: str = ""

    @property
    def last_attempt(self) -> int:
        """Number of its last attempt, unless it is cancelled."""
        return min(max(self.fails, self.before) + 1, self.before + ATTEMPTS)

    @property
    def state(self) -> str:
        """Its final state, unless it is cancelled."""
        return "done" if self.last_attempt > self.fails else "dead"


class Setting:
    """What all walks share: the gateway, one function, its oracle."""

    def __init__(self, http: httpx.Client, folder: Path) -> None:
        self.http = http
        self.oracle = folder / "runs"
        self.oracle.touch()
        self.function = new_function(
            http, script(folder, FUNCTION.format(oracle=self.oracle)), annotations=ANNOTATIONS
        )
        answer = http.put(f"/system/queues/{QUEUE}", json={"maxInflight": 3})
        assert answer.status_code == 200, answer.text

    def runs(self) -> Counter[tuple[str, int]]:
        """Return how often each attempt of each call was started."""
        lines = self.oracle.read_text().splitlines()
        assert all(len(line.split()) == 2 for line in lines), [
            line for line in lines if len(line.split()) != 2
        ]
        return Counter((call_id, int(attempt)) for call_id, attempt in map(str.split, lines))


class LiveCalls(RuleBasedStateMachine):
    """A client of one queue."""

    calls = Bundle("calls")

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.http = setting.http
        self.models: list[Model] = []

    @rule(target=calls, fails=st.integers(0, 5), pause=st.sampled_from(["0", "0", "0.2"]))
    def accept(self, fails: int, pause: str) -> Model:
        model = Model(f"model-{uuid.uuid4()}", fails, f"{fails} {pause}\n")
        accept(self.http, self.setting.function, model.body, X_Call_Id=model.id)
        self.models.append(model)
        return model

    @rule(model=calls)
    def repeat(self, model: Model) -> None:
        answer = self.http.post(
            f"/async-function/{self.setting.function}", content=model.body, headers={"X-Call-Id": model.id}
        )
        assert (answer.status_code, answer.headers.get("X-Duplicate")) == (202, "true")

    @rule(model=calls)
    def cancel(self, model: Model) -> None:
        answer = self.http.delete(f"/async-function/{model.id}")
        if model.seen:
            assert answer.status_code == (202 if model.seen == "cancelled" else 409), answer.text
        else:
            assert answer.status_code in (202, 409), answer.text  # 409: it has just ended by itself
            model.cancelled = model.cancelled or answer.status_code == 202

    @rule(model=calls)
    def read_final_state(self, model: Model) -> None:
        found = settled(self.http, model.id)
        if model.seen == "purged":
            assert found["state"] == "dead"
            return
        model.seen = found["state"]
        if model.cancelled:
            # It may have ended before the worker read the cancellation.
            assert model.seen in ("cancelled", "done")
        else:
            assert (model.seen, len(found["attempts"])) == (model.state, model.last_attempt)
        if model.seen == "dead":
            (letter,) = letters(self.http, model.id, QUEUE)
            assert letter["attempts"] == ATTEMPTS

    @rule(model=calls)
    def redrive(self, model: Model) -> None:
        if model.seen not in ("dead", "done"):
            return  # whether it has a dead letter is not known yet
        answer = self.http.post(f"/system/queues/{QUEUE}/dead-letters/redrive", json={"callId": model.id})
        assert answer.status_code == (200 if model.seen == "dead" else 404), answer.text
        if model.seen == "dead":
            assert answer.json() == {"redriven": 1}
            model.before += ATTEMPTS
            model.seen = ""

    @rule(model=calls)
    def purge(self, model: Model) -> None:
        if model.seen not in ("dead", "purged"):
            return
        answer = self.http.delete(f"/system/queues/{QUEUE}/dead-letters/{model.id}")
        assert answer.status_code == (200 if model.seen == "dead" else 404), answer.text
        model.seen = "purged"

    def teardown(self) -> None:
        """Wait for every call's end, and check its attempts."""
        for model in self.models:
            settled(self.http, model.id)
        runs = self.setting.runs()
        for model in self.models:
            seen = {attempt: count for (call_id, attempt), count in runs.items() if call_id == model.id}
            assert set(seen.values()) <= {1}, (model, seen)  # no service was killed: each ran exactly once
            expected = set(range(1, model.last_attempt + 1))
            assert set(seen) <= expected if model.cancelled else set(seen) == expected, (model, seen)
        eventually(self._queue_is_empty)  # an ack may still be in transit
        assert self.http.delete(f"/system/queues/{QUEUE}/dead-letters").status_code == 200

    def _queue_is_empty(self) -> bool:
        queue = self.http.get(f"/system/queues/{QUEUE}").json()
        return not (queue["pending"] or queue["inFlight"] or queue["waitingForRetry"])


@pytest.fixture
def setting(lab: Lab, tmp_path: Path) -> Iterator[Setting]:
    with client(lab) as http:
        yield Setting(http, tmp_path)


def test_calls_end_in_the_model_s_state_whatever_a_client_does(setting: Setting) -> None:
    run_state_machine_as_test(
        lambda: LiveCalls(setting),
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,  # the same walks in every run; timing varies enough
            suppress_health_check=list(HealthCheck),
        ),
    )
