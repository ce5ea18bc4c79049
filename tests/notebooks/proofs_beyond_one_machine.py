"""Why each statement of the ninth notebook is true."""

from __future__ import annotations

import re

from proofs import Computed, HeldByTest, Outputs, Proofs, Shown, Sourced

_DRAINED = r"the last call was over after \| ([\d.]+) s"
_CLUSTER = "tests/service/test_nats_cluster.py"
_HOSTS = "tests/service/test_nats_cluster_hosts.py::test_workers_on_other_hosts_share_the_queue"
_REMOTE = "tests/service/test_remote.py"
_DOCKER = "tests/service/test_docker_provider.py"
_MEASURED = "docs/beyond-one-machine.md, repeated by: python -m benchmarks --workers"
_ARITHMETIC = "2 cores / 0.5 s = 4 calls a second"
_EULA = "openfaas/faas, EULA.md (1.2 Use Restrictions) and README.md"
_ON_A_CLUSTER = "tests/service/test_nats_cluster_notebooks.py::test_a_notebook_s_cells_run_on_a_cluster"
_IN_CONTAINERS = (
    "tests/service/test_docker_notebooks.py::test_a_notebook_s_cells_run_with_functions_in_containers"
)
_QUORUM = f"{_CLUSTER}::test_without_a_quorum_calls_are_refused_and_later_run_again"
_ELECTION = "docs/reliability.md: measured on three nats-servers"


def _three_workers_shared(outputs: Outputs) -> bool:
    """Each of the three has settled some; together all 24 of both runs."""
    settled = [
        int(count) for count in re.findall(r"^queue-worker-\d+ settled (\d+)$", outputs["workers"], re.M)
    ]
    return len(settled) == 3 and min(settled) >= 1 and sum(settled) == 24


def _a_third_of_the_time(outputs: Outputs) -> bool:
    one, three = (outputs.number(cell, _DRAINED) for cell in ("measure-one", "measure-three"))
    return one >= 6 and 2 <= three < one / 2


def _first_has_both_runs(outputs: Outputs) -> bool:
    """One worker has its own calls of the second run and the twelve of the first."""
    settled = sorted(map(int, re.findall(r"^queue-worker-\d+ settled (\d+)$", outputs["workers"], re.M)))
    return len(settled) == 3 and settled[2] > 12 > settled[1]


def _copies(outputs: Outputs) -> bool:
    """One of each message on the lab's own nats-server, three on a cluster."""
    own = "LABKIT_NATS is not set" in outputs["cluster"]
    return f"copies {1 if own else 3}," in outputs["streams"] and "OF_faas-request " in outputs["streams"]


def _three_in_flight(outputs: Outputs) -> bool:
    limits = sorted(re.findall(r"max_inflight (\d+)$", outputs["join"], re.M))
    return limits == ["1", "2"] and 2 <= outputs.number("join", _DRAINED) < 6


PROOFS = Proofs(
    (
        Computed("All three take from *one* queue", ("workers",), _three_workers_shared),
        Computed("whoever is free takes the next one", ("workers",), _three_workers_shared),
        Computed("has also done the twelve", ("workers",), _first_has_both_runs),
        HeldByTest("no two workers get the same call", _HOSTS),
        Computed("are done after about", ("measure-one", "measure-three"), _a_third_of_the_time),
        *(Sourced(row, _MEASURED) for row in ("| 1 | 3.82 |", "| 2 | 7.79 |", "| 4 | 15.32 |")),
        Sourced("These want a core for each call", _ARITHMETIC),
        Computed(
            "The queue gives a call to every worker that has a place free",
            ("workers",),
            _three_workers_shared,
        ),
        Sourced("Eight are in flight; they wait for the cores", _ARITHMETIC),
        HeldByTest("a worker adds none: it only waits for the function", _HOSTS),
        Sourced("Two cores, half a second each", _ARITHMETIC),
        Shown("and anybody can start one", "join", r"Works on \*"),
        Shown("nobody had to be told", "join", r"Works on \*"),
        Shown("Here it found both in the lab's folder", "join", r"Works on \*"),
        Computed("three calls were in flight", ("join",), _three_in_flight),
        HeldByTest("All that a worker needs are two addresses", _HOSTS),
        HeldByTest("labkit worker --nats tls://", _HOSTS),
        Shown("listen on 127.0.0.1", "context", r"addresses: (nats|tls)://127\.0\.0\.1:\d+"),
        HeldByTest("The worker only waits for it", _HOSTS),
        HeldByTest("adds waiting hands, not computing power", _HOSTS),
        HeldByTest(
            "It is nothing that only this lab understands",
            f"{_CLUSTER}::test_other_tools_find_the_same_streams_by_the_exported_context",
        ),
        Shown("`OF_faas-request` is the queue", "streams", r"^OF_faas-request +copies \d,"),
        Shown("has its dead letters", "streams", r"^OF_faas-request_dead +copies \d,"),
        Computed("with the lab's own nats-server, one", ("streams", "cluster"), _copies),
        HeldByTest(
            "If its disk is gone, so are the calls",
            "tests/service/test_store_damage.py"
            "::test_a_damaged_queue_is_set_aside_and_its_lost_calls_are_counted",
        ),
        HeldByTest(
            "the lab asks for three copies",
            f"{_CLUSTER}::test_every_stream_of_a_lab_on_a_cluster_has_three_replicas",
        ),
        HeldByTest(
            "So any one server may be away", f"{_CLUSTER}::test_a_killed_node_loses_no_call_and_repeats_none"
        ),
        HeldByTest("the gateway refuses new calls with a 500", _QUORUM),
        Sourced("*more than half* of them have it", "NATS documentation, JetStream clustering: quorum"),
        HeldByTest("how one would be used", _ON_A_CLUSTER),
        Sourced(
            "For each call at least one more server",
            "NATS documentation, JetStream clustering: two of three are the quorum",
        ),
        Sourced("up to 10 s without a 202", _ELECTION),
        Sourced("The gateway tries again for 5 s", _ELECTION),
        HeldByTest(
            "With a Docker engine the lab does that, too",
            f"{_DOCKER}::test_a_container_is_as_the_deployment_asks",
        ),
        HeldByTest(
            "Without an engine you see what is missing",
            f"{_DOCKER}::test_without_an_engine_a_start_fails_with_what_to_do",
        ),
        HeldByTest(
            "it says that there is no engine, and starts nothing",
            f"{_DOCKER}::test_without_an_engine_a_start_fails_with_what_to_do",
        ),
        HeldByTest("With one, the second lab was up", _IN_CONTAINERS),
        HeldByTest("in containers, stop the lab", _IN_CONTAINERS),
        HeldByTest(
            "| `RUN` in a Dockerfile |",
            f"{_DOCKER}::test_the_same_folder_is_built_and_run_and_calls_the_gateway",
        ),
        HeldByTest("| A CPU limit |", f"{_DOCKER}::test_a_container_is_as_the_deployment_asks"),
        HeldByTest(
            "by OpenFaaS's own API and nothing more", f"{_REMOTE}::test_requests_are_those_of_openfaas_only"
        ),
        Shown("The calls work as before", "elsewhere", r"a call: +200$"),
        Shown("so do the measured times", "elsewhere", r"the last call was done after [\d.]+ s"),
        Shown("is *not available*, and says so", "elsewhere", r"the queue: +.*not available here"),
        HeldByTest(
            "| the two routes, and the 202",
            f"{_REMOTE}::test_views_of_the_queue_are_notes_and_questions_to_them_raise",
        ),
        HeldByTest("| `deploy`, `invoke`, `measure`", f"{_REMOTE}::test_runs_are_measured_and_drawn"),
        Sourced(
            "| your functions, which may run twice |",
            "OpenFaaS docs: async, retries (an exhausted message is discarded), comparison of editions",
        ),
        HeldByTest(
            "notebooks 1 and 2 then run there as they are",
            "tests/service/test_remote_notebooks.py::test_notebook_01_runs_unchanged_and_all_its_claims_hold",
        ),
        HeldByTest(
            "notebooks 1 and 2 then run there as they are",
            "tests/service/test_remote_notebooks.py"
            "::test_notebook_02_runs_unchanged_and_marks_what_is_not_available",
        ),
        Sourced("| In a company | a trial", _EULA),
        Sourced("| In production |", _EULA),
        Sourced(
            "| Limits | 15 functions", "faas-netes, CE provider: limits of functions, replicas and namespaces"
        ),
        Sourced(
            "| Asynchronous calls | one at a time",
            "nats-queue-worker 0.14.2, main.go; OpenFaaS docs, comparison",
        ),
        Sourced("| Where they wait | NATS Streaming", "OpenFaaS docs, comparison of editions"),
        Sourced("may not use CE at all", "openfaas/faas, EULA.md (8.5 Prior Commercial Licensees)"),
        HeldByTest("Workers share one queue by one consumer", _HOSTS),
        Sourced("More workers do not make a computing function faster", _ARITHMETIC),
        HeldByTest(
            "A cluster of three keeps its promise while one server is away",
            f"{_CLUSTER}::test_a_killed_node_loses_no_call_and_repeats_none",
        ),
    ),
    plain=(
        "One queue-worker, one call at a time",
        "We measured it with more calls",
        "| Queue-workers | Calls a second |",
        "This cell starts one as a process",
        "On another machine you say them",
        "Three copies have a price",
        "The EULA itself",
        "Take a function of your own",
    ),
)
