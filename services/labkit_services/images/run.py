"""How a function's watchdog runs an image: command and environment."""

from __future__ import annotations

from collections.abc import Mapping

from labkit_services.contract.names import STATIC_PATH
from labkit_services.images.store import Image


def command_of(image: Image, process: str, variables: Mapping[str, str]) -> str:
    """Return the function's command; "" if none is named.

    ``process`` is the deployment's ``envProcess``, ``variables`` are its
    environment. Only mode ``static`` needs no command.
    """
    command = process or variables.get("fprocess", "") or image.fprocess
    every = {**image.environment, **variables}
    return command or (every.get("function_process", "") if every.get("mode") else "")


def needs_command(image: Image, variables: Mapping[str, str]) -> bool:
    """Return whether the function cannot run without a command."""
    return {**image.environment, **variables}.get("mode") != "static"


def environment_of(
    image: Image,
    command: str,
    variables: Mapping[str, str],
    *,
    search_path: str,
    defaults: Mapping[str, str],
) -> dict[str, str]:
    """Return a watchdog's settings, which are the function's environment too.

    ``search_path`` is the machine's ``PATH``; ``defaults`` are settings that
    ``variables`` may change.
    """
    environment = {
        # Without the environment of the program that starts it, which may hold
        # passwords. And without LANG, as in OpenFaaS's containers: loading a
        # locale takes 0.2 ms of the 0.8 ms that a small process needs.
        **image.process_environment({"PATH": search_path}),
        **defaults,
        **variables,
        "fprocess": image.local_process(command),
    }
    if "HOME" not in variables:
        environment.pop("HOME", None)  # the image's; each process has its own
    if environment.get("mode") == "static":
        environment.setdefault("static_path", STATIC_PATH)
    for setting in ("function_process", "static_path"):
        if setting in environment:
            environment[setting] = image.local_process(environment[setting])
    return environment


def limit_settings(limits: Mapping[str, str]) -> dict[str, str]:
    """Return the watchdog's settings for a function's limits."""
    return {f"limits_{name}": limits[name] for name in ("memory", "cpu") if limits.get(name)}
