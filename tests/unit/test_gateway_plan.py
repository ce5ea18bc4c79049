"""What a deployment resolves to, without a process or a file."""

from __future__ import annotations

from typing import Any

import pytest

from labkit_services.gateway.functions.plan import ReplicaPlan, UnusableDeploymentError, plan_replica
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.images.store import Image

EMPTY = Image("me/empty")


def plan(image: Image = EMPTY, **spec: Any) -> ReplicaPlan:
    return plan_replica(FunctionSpec("f", "me/f", **spec), image, "/bin")


@pytest.mark.parametrize(
    ("spec", "image", "command"),
    [
        ({"env_process": "a"}, Image("i", fprocess="b"), "a"),
        ({"env_vars": {"fprocess": "a"}}, Image("i", fprocess="b"), "a"),
        ({"env_process": "a", "env_vars": {"fprocess": "b"}}, EMPTY, "a"),
        ({}, Image("i", fprocess="b"), "b"),
        ({"env_vars": {"mode": "http", "function_process": "c"}}, EMPTY, "c"),
        ({"env_vars": {"mode": "http"}}, Image("i", environment={"function_process": "c"}), "c"),
        ({"env_vars": {"mode": "static"}}, EMPTY, ""),
    ],
)
def test_the_command_is_the_deployment_s_else_the_image_s(
    spec: dict[str, Any], image: Image, command: str
) -> None:
    assert plan(image, **spec).environment["fprocess"] == command


@pytest.mark.parametrize("variables", [{}, {"function_process": "only with a mode"}, {"mode": "http"}])
def test_a_deployment_without_a_command_is_unusable(variables: dict[str, str]) -> None:
    with pytest.raises(UnusableDeploymentError, match="unable to find image: me/f; build it first"):
        plan(env_vars=variables)


def test_the_deployment_s_variables_replace_the_image_s_and_the_defaults() -> None:
    image = Image("i", fprocess="x", environment={"a": "image", "b": "image", "HOME": "/root"})

    environment = plan(image, env_vars={"a": "own", "metrics_port": "9000"}).environment

    assert environment["a"] == "own"
    assert environment["b"] == "image"
    assert environment["metrics_port"] == "9000"
    assert environment["healthcheck_interval"] == "0"
    assert environment["PATH"].startswith("/bin:")
    assert "HOME" not in environment  # each replica has its own


def test_a_home_of_the_deployment_is_kept() -> None:
    assert plan(env_process="x", env_vars={"HOME": "/mine"}).environment["HOME"] == "/mine"


def test_limits_are_passed_to_the_watchdog() -> None:
    environment = plan(env_process="x", limits={"memory": "5Mi", "cpu": ""}).environment

    assert environment["limits_memory"] == "5Mi"
    assert "limits_cpu" not in environment


@pytest.mark.parametrize(("variables", "path"), [({}, "/home/app/public"), ({"static_path": "/srv"}, "/srv")])
def test_mode_static_has_a_folder(variables: dict[str, str], path: str) -> None:
    assert plan(env_vars={"mode": "static", **variables}).environment["static_path"] == path
