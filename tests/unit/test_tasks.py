"""Background tasks are named, kept alive, and watched for failure."""

from __future__ import annotations

import asyncio

import pytest

from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.service import Service

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


async def test_without_a_handler_a_failure_is_reported_to_the_loop() -> None:
    reports: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    error = RuntimeError("broken")

    async def fail() -> None:
        raise error

    await asyncio.wait([BackgroundTasks().start(fail(), name="follow events")])

    assert reports == [{"message": "background task failed: follow events", "exception": error}]


async def test_a_service_ends_when_a_background_task_fails(capfd: pytest.CaptureFixture[str]) -> None:
    service = Service("queue-worker", {})

    async def fail() -> None:
        raise RuntimeError("broken")

    service.tasks.start(fail(), name="renew leases")
    await asyncio.wait_for(service.stopping.wait(), 5)
    service.log.writer.flush()

    assert service.aborting.is_set()
    assert service.exit_code == 1
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].endswith(
        "error queue-worker: background task failed: renew leases: RuntimeError('broken')"
    )
    assert any("Traceback" in line for line in lines)
