"""Background tasks are named, kept alive, and watched for failure."""

from __future__ import annotations

import asyncio

import pytest

from labkit_services.runtime.tasks import BackgroundTasks

pytestmark = pytest.mark.anyio


@pytest.fixture
def failures() -> list[tuple[str, BaseException]]:
    return []


@pytest.fixture
def tasks(failures: list[tuple[str, BaseException]]) -> BackgroundTasks:
    return BackgroundTasks(lambda name, error: failures.append((name, error)))


async def test_a_failing_task_is_reported_by_name(tasks, failures) -> None:
    error = RuntimeError("broken")

    async def fail() -> None:
        raise error

    task = tasks.start(fail(), name="renew leases")
    await asyncio.wait([task])

    assert [("renew leases", error)] == failures
    assert len(tasks) == 0


async def test_a_cancelled_task_is_no_failure(tasks, failures) -> None:
    task = tasks.start(asyncio.sleep(60), name="waits")

    await tasks.cancel()

    assert task.cancelled()
    assert failures == []


async def test_a_result_can_be_awaited(tasks) -> None:
    assert await tasks.start(asyncio.sleep(0, 3), name="answers") == 3
