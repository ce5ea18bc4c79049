"""What ``faas-cli diff`` takes for a difference, and its table."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verbs.deploy import deployment
from labkit.openfaas_cli.faas_cli.verbs.diff import attributes, differing, side_by_side
from labkit_services.gateway.functions.process_backend import CPU_NOT_LIMITED
from labkit_services.gateway.functions.spec import FunctionSpec

FULL = StackFunction(
    "f",
    image="me/f:1",
    fprocess="cat",
    namespace="dev",
    environment={"A": "1", "EMPTY": ""},
    labels={"canary": "true"},
    annotations={"topic": "orders"},
    limits={"cpu": "100m", "memory": "64Mi"},
    requests={"memory": "32Mi"},
    secrets=["b", "a"],
    constraints=["zone=east"],
    readonly_root_filesystem=True,
)


def deployed(function: StackFunction) -> dict[str, object]:
    """Return the gateway's status of a function that was just deployed."""
    return FunctionSpec.from_deployment(deployment(function)).status(replicas=1, available=1)


def difference(stack: StackFunction, status: dict[str, object], mode: str = "local") -> list[str]:
    return differing(attributes(deployment(stack)), attributes(status), stack.name, mode)


@pytest.mark.parametrize("mode", ["local", "remote", "all"])
@pytest.mark.parametrize("function", [FULL, StackFunction("f", image="me/f:1")], ids=["full", "bare"])
def test_right_after_a_deploy_there_is_no_difference(function: StackFunction, mode: str) -> None:
    assert difference(function, deployed(function), mode) == []


def test_the_process_of_the_template_is_no_difference() -> None:
    assert difference(StackFunction("f", image="i"), {"image": "i", "envProcess": "python3 index.py"}) == []


def test_the_order_of_secrets_is_no_difference() -> None:
    assert difference(FULL, deployed(FULL) | {"secrets": ["a", "b"]}) == []


def test_what_faas_netes_adds_is_no_difference() -> None:
    labels = {"faas_function": "f", "uid": "123"}
    status = {"image": "i", "labels": labels, "annotations": {"prometheus.io.scrape": "false"}}
    assert difference(StackFunction("f", image="i"), status, "all") == []


def test_the_lab_s_own_annotation_is_no_difference() -> None:
    status = deployed(FULL)
    notes = {CPU_NOT_LIMITED: "limits.cpu 100m is not enforced by processes"}
    assert difference(FULL, status | {"annotations": {**FULL.annotations, **notes}}) == []


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"image": "me/f:2"}, ["image"]),
        ({"envProcess": "rev"}, ["fprocess"]),
        ({"envVars": {"A": "2", "EMPTY": ""}}, ["env.A"]),
        ({"envVars": {"A": "1"}}, ["env.EMPTY"]),
        ({"secrets": ["a", "c"]}, ["secret.b", "secret.c"]),
        ({"constraints": []}, ["constraint.zone=east"]),
        ({"labels": {"canary": "false"}}, ["label.canary"]),
        ({"labels": {"canary": "true", "faas_function": "g"}}, ["label.faas_function"]),
        (
            {"annotations": {"topic": "orders", "prometheus.io.scrape": "true"}},
            ["annotation.prometheus.io.scrape"],
        ),
        ({"limits": {"cpu": "1"}}, ["limits.cpu", "limits.memory"]),
        ({"requests": {"memory": "32Mi", "cpu": "1"}}, ["requests.cpu"]),
        ({"readOnlyRootFilesystem": False}, ["readonly_root_filesystem"]),
    ],
)
def test_each_change_is_a_difference(change: dict[str, object], names: list[str]) -> None:
    assert difference(FULL, deployed(FULL) | change) == names


@pytest.mark.parametrize(
    ("mode", "names"), [("local", ["env.A"]), ("remote", ["env.B"]), ("all", ["env.A", "env.B"])]
)
def test_env_selects_the_variables(mode: str, names: list[str]) -> None:
    stack = StackFunction("f", environment={"A": "1"})
    assert difference(stack, {"envVars": {"B": "1"}}, mode) == names


def test_the_table_is_padded_by_bytes_as_in_go() -> None:
    """Measured with Go 1.19 and the formats of commands/diff.go."""
    rows = [
        ("env.A", "ü1", "2"),
        ("label.a-rather-long-name-of-a-label", "x", None),
        ("secret.key", None, "present"),
    ]
    assert side_by_side("f", rows) == [
        "f",
        "  stack.yaml                                 | deployed                                      ",
        "  -------------------------------------------+-----------------------------------------------",
        "  - env.A:                               ü1 | + env.A:                               2      ",
        "  - label.a-rather-long-name-of-a-label: x   |                                               ",
        "                                             | + secret.key:                          present",
        "",
    ]
