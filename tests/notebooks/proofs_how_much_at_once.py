"""Why each statement of the notebook on concurrency is true."""

from __future__ import annotations

import re

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_DONE = r"the last call was done after ([\d.]+) s"
_WAITED = r"a call waited for \(mean\) +([\d.]+) s"
_UTILISATION = r"^utilisation +([\d.]+)$"
_LOAD = "tests/unit/test_load.py::"
_RETRIES = "tests/unit/test_retry.py::test_waits_double_up_to_the_maximum"
_ROUND_ROBIN = (
    "tests/service/test_gateway_functions.py"
    "::test_each_replica_of_the_redirector_has_its_own_port_and_redirects"
)
_OWN_INFLIGHT = (
    "tests/service/test_async_queues.py"
    "::test_each_queue_has_its_own_max_inflight_that_can_be_changed_at_any_time"
)
_WORKERS = "tests/service/test_faults.py::test_a_lab_starts_with_the_given_number_of_workers"
_COMPARISON = "OpenFaaS documentation, OpenFaaS Pro: comparison with the Community Edition"
_PICKED = "test_few_seeds_have_averages_as_close_as_the_one_of_notebook_6"
_DOUBLED = "test_twice_the_traffic_waits_more_than_twice_as_long_with_almost_every_seed"
_LITTLE = "J. Little, A Proof for the Queuing Formula L = lambda W, 1961"
_ERLANG = "Erlang's C formula; tests/unit/test_load.py holds it against a simulation"


def _done(outputs: Outputs, cell: str, slots: int) -> float:
    return outputs.number(cell, rf"^{slots} at once: .*{_DONE}")


def _is_rounds(outputs: Outputs) -> bool:
    three = [_done(outputs, "burst-one", 4), _done(outputs, "burst-five", 5)]
    return all(0.9 <= seconds < 1.5 for seconds in three) and _done(outputs, "burst-one", 1) >= 3.6


def _four_are_four(outputs: Outputs) -> bool:
    shared = outputs.number("two-workers", rf"^2 workers x 2: .*{_DONE}")
    single = outputs.number("two-workers", rf"^1 worker x 4: .*{_DONE}")
    return 0.9 <= shared < 1.7 and 0.9 <= single < 1.7


def _crowd(outputs: Outputs) -> list[list[int]]:
    rows = re.findall(r"^call \d: \[(.*)\]$", outputs["crowd"], re.MULTILINE)
    return [[int(status) for status in row.split(",")] for row in rows]


def _one_was_let_in(outputs: Outputs) -> bool:
    firsts = [statuses[0] for statuses in _crowd(outputs)]
    return sorted(firsts) == [200, 429, 429, 429]


def _all_got_through(outputs: Outputs) -> bool:
    return [statuses[-1] for statuses in _crowd(outputs)] == [200] * 4


def _longer_than_one_by_one(outputs: Outputs) -> bool:
    return outputs.number("crowd", _DONE) > 4 * 0.3


def _calm(outputs: Outputs) -> bool:
    return 0.25 < outputs.number("calm", _UTILISATION) < 0.6 and outputs.number("calm", _WAITED) > 0


def _several_times(outputs: Outputs) -> bool:
    return outputs.number("busy", _WAITED) > 2 * outputs.number("calm", _WAITED)


def _waits(outputs: Outputs) -> list[tuple[int, float, float]]:
    rows = re.findall(r"(\d) at once, utilisation ([\d.]+): ([\d.]+) s", outputs["twice"])
    return [(int(slots), float(used), float(wait)) for slots, used, wait in rows]


def _second_slot_removed_it(outputs: Outputs) -> bool:
    (two,) = (wait for slots, _, wait in _waits(outputs) if slots == 2)
    return two < outputs.number("busy", _WAITED) / 2


def _flood_is_over_one(outputs: Outputs) -> bool:
    return max(used for _, used, _ in _waits(outputs)) > 1


PROOFS = Proofs(
    (
        HeldByTest("the calls that one queue-worker runs at the same time", _OWN_INFLIGHT),
        HeldByTest(
            "the queue-workers that share the queue",
            "tests/service/test_async_queues.py::test_several_workers_share_a_queue",
        ),
        HeldByTest("among which the gateway deals the calls out", _ROUND_ROBIN),
        HeldByTest("The first two, multiplied, are the **slots**", _WORKERS),
        Computed("The work is done in rounds", ("burst-one", "burst-five"), _is_rounds),
        Computed("With four slots, twelve calls are three rounds", ("burst-one", "burst-five"), _is_rounds),
        Computed("With five they are three as well", ("burst-one", "burst-five"), _is_rounds),
        Computed("The fifth slot has bought nothing", ("burst-one", "burst-five"), _is_rounds),
        Computed("Four slots are four slots", ("two-workers",), _four_are_four),
        Shown("What is above it gets the answer **429**", "crowd", "429"),
        Computed("`solo` lets one call in at a time", ("crowd",), _one_was_let_in),
        Computed("and one of them is let in", ("crowd",), _one_was_let_in),
        Computed("The others are refused (the red marks); the worker", ("crowd",), _all_got_through),
        HeldByTest("waits twice as long each time (notebook 7", _RETRIES),
        Computed("Four calls of 0.3 s take longer than", ("crowd",), _longer_than_one_by_one),
        HeldByTest("sometimes three in a blink", _LOAD + "test_traffic_has_its_rate_and_its_work_on_average"),
        HeldByTest(
            "They don't care how many still wait", _LOAD + "test_the_same_seed_gives_the_same_traffic"
        ),
        HeldByTest(
            "some work far longer, most less", _LOAD + "test_traffic_has_its_rate_and_its_work_on_average"
        ),
        HeldByTest(
            "the same seed makes the same traffic", _LOAD + "test_the_same_seed_gives_the_same_traffic"
        ),
        HeldByTest("its averages lie close to 10 and 0.04", _LOAD + _PICKED),
        HeldByTest("With only 60 calls, most seeds are further off", _LOAD + _PICKED),
        HeldByTest(
            "the work that arrives per second, divided by the slots", _LOAD + "test_the_load_of_a_run"
        ),
        Computed("0.04 = 0.4", ("calm",), _calm),
        Computed("and yet calls have waited", ("calm",), _calm),
        Computed("Twice the traffic, and several times the wait", ("calm", "busy"), _several_times),
        HeldByTest("These were the same 60 calls", _LOAD + _DOUBLED),
        HeldByTest("the wait more than doubled with 98 % of them", _LOAD + _DOUBLED),
        HeldByTest("With more than half of the seeds it became", _LOAD + _DOUBLED),
        Sourced("> calls in the queue = calls per second", _LITTLE),
        HeldByTest("The dashed line is this product", _LOAD + "test_little_s_law_is_a_line_over_the_queue"),
        Sourced("The law needs nothing to be random", _LITTLE),
        Sourced("it gives the average number of calls in flight", _LITTLE),
        HeldByTest(
            "the queue with random arrivals, random work",
            _LOAD + "test_the_wait_is_that_of_a_simulated_queue",
        ),
        Sourced("They are not on the lines, for 60 calls are few", "the variance of a mean of 60 waits"),
        HeldByTest("The line of one slot is steep", _LOAD + "test_the_wait_is_that_of_the_textbooks"),
        HeldByTest(
            "From about 0.7 on, a little more traffic", _LOAD + "test_the_wait_is_that_of_the_textbooks"
        ),
        Computed("Two slots did not halve the wait", ("busy", "twice"), _second_slot_removed_it),
        Computed("Right of the red line, at a utilisation above 1", ("twice",), _flood_is_over_one),
        Computed(
            "Only when it had stopped could `flood` catch up",
            ("flood-queue",),
            lambda outputs: (
                outputs.number("flood-queue", r"at most (\d+) in the queue") > 10
                and outputs.number("flood-queue", r"empty after ([\d.]+) s") > 1.5
            ),
        ),
        HeldByTest(
            "That is why nobody runs a system at 100 %", _LOAD + "test_the_wait_is_that_of_the_textbooks"
        ),
        Computed(
            "A queue keeps the order of arrival, so quick work pays",
            ("one-queue",),
            lambda outputs: outputs.number("one-queue", r"waited ([\d.]+) s in faas-request") > 2.5,
        ),
        HeldByTest("the lab's worker serves each queue with slots of its own", _OWN_INFLIGHT),
        Sourced("More slots only help until there are as many slow calls", "the definition of a slot"),
        Computed(
            "A queue of its own separates them for good",
            ("two-queues",),
            lambda outputs: outputs.number("two-queues", r"waited ([\d.]+) s in quick") < 0.9,
        ),
        Sourced(
            "| Slots of a queue-worker | 1, fixed |",
            "openfaas/nats-queue-worker 0.14.2, main.go; " + _COMPARISON,
        ),
        Sourced("| Replicas of a function | up to 5 |", "openfaas/faas-netes, Community Edition: limits"),
        Sourced("| Queue of its own for a function | no |", _COMPARISON),
        Sourced(
            "| A 429 of the function | is not retried |", "OpenFaaS documentation, OpenFaaS Pro: Retries"
        ),
        Sourced(
            "at 95 %, 19 of 20 do", "Poisson arrivals see time averages: a share of 0.95 meets a busy slot"
        ),
        Computed("Above 100 % the queue grows without end", ("twice",), _flood_is_over_one),
        Sourced("The wait is not in proportion to the utilisation", _ERLANG),
        Sourced("By M/M/1 it is 0.95 ÷ 0.05", _ERLANG),
        Sourced("By M/M/1 it waits for 19 times its work", _ERLANG),
        Sourced("With two slots the utilisation is 0.475", "0.475**2 / (1 - 0.475**2) = 0.29"),
        Sourced("utilisation is a quotient of all three", "rate x work / slots"),
        Sourced("Both make the slots fit", "2 = 1 x 2, 10 = 5 x 2"),
        Sourced("More slots mean more knocking", "openfaas/classic-watchdog, max_inflight: 429 above it"),
        HeldByTest("Workers multiply the slots", _WORKERS),
        HeldByTest(
            "Here and in OpenFaaS Pro a 429 is retried",
            "tests/unit/test_retry.py::test_a_status_on_the_list_is_retried",
        ),
        HeldByTest("But each retry waits longer", _RETRIES),
        Computed("Slots above it only collect 429s", ("crowd",), _one_was_let_in),
        HeldByTest("Waiting explodes as it comes near 1", _LOAD + "test_the_wait_is_that_of_the_textbooks"),
    ),
    plain=(
        "Three numbers decide it",
        "```mermaid",
        "`nap` takes 0.3 s",
        "First with one slot, then with four",
        "Two workers with two slots each",
        "You add a worker when one program",
        "`sleep` needs nothing",
        "Give the queue four slots, and send it four calls",
        "There are two ways to make it fit",
        "where waiting costs nothing",
        "A burst is one extreme",
        "`work` works for as many seconds as its body says",
        "a call that comes while three are waiting",
        "Two more runs",
        "Is that the luck of seed 35",
        "The same 60 calls with two slots; and 40",
        "Slots that are sometimes idle",
        "All functions have shared one queue so far",
        "One slot; three reports are asked for",
        "The function still takes 2",
        "Utilisation = calls per second",
        "Slow work and quick work belong",
        "Next: [7",
    ),
)
