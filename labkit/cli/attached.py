"""What commands share: attach to the running lab, print JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from labkit.language import translated
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")


def with_lab(workspace: Workspace, work: Callable[[AsyncLab], Awaitable[T]]) -> T:
    """Attach to the running lab, await ``work(lab)``, and close the handle."""
    from labkit.lab.async_lab import AsyncLab

    async def run() -> T:
        lab = await AsyncLab.attach(workspace)
        try:
            return await work(lab)
        finally:
            await lab.stop()  # This process did not start the lab, so it goes on running.

    return asyncio.run(run())


def show(as_json: bool, text: str, **fields: Any) -> None:
    """Print a sentence, or its facts as JSON on one line."""
    click.echo(json.dumps(fields, ensure_ascii=False) if as_json else translated(text))


def show_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
