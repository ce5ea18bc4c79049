"""The schedule: the same for a seed, and one fault at a time in a group."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.chaos.cluster import ClusterStack
from tests.chaos.schedule import ChaosTarget, FaultAction, ScheduledFault, schedule
from tests.chaos.stack import DISK, LabStack


def test_the_same_seed_gives_the_same_faults() -> None:
    first = schedule(7, 600, LabStack.targets)
    assert first == schedule(7, 600, LabStack.targets)
    assert first != schedule(8, 600, LabStack.targets)


def test_a_long_run_has_every_kind_of_fault() -> None:
    done = Counter((fault.target, fault.kind) for fault in schedule(1, 1800, (*LabStack.targets, DISK)))
    expected = {(target.name, kind) for target in (*LabStack.targets, DISK) for kind in target.kinds}
    assert set(done) == expected


def test_faults_are_in_order_and_end_within_the_run() -> None:
    faults = schedule(3, 60, LabStack.targets)
    assert faults
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(fault.at + fault.seconds <= 60 for fault in faults)


def test_only_one_node_of_a_cluster_is_disturbed_at_a_time() -> None:
    groups = {target.name: target for target in ClusterStack.targets}
    nodes = [
        fault for fault in schedule(5, 1800, ClusterStack.targets) if groups[fault.target].group == "nats"
    ]
    assert len({fault.target for fault in nodes}) == 3
    for before, after in pairwise(nodes):
        assert after.at >= before.at + before.seconds + groups[before.target].rest


def test_a_resting_target_gets_no_fault() -> None:
    only = (ChaosTarget("one", (FaultAction.KILL,), rest=1000.0),)
    assert [fault.target for fault in schedule(1, 500, only)] == ["one"]


def test_a_fault_is_shown_as_a_log_line() -> None:
    assert str(ScheduledFault(3.25, "gateway", FaultAction.STOP, 1.5, 0)) == "    3.2 s  stop gateway 1.5 s"
