"""The notebooks run unchanged with functions in containers, by one variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker_engine import DockerEngine
from eventually import eventually
from notebook_runs import NOTEBOOKS, run_notebook

from labkit_services.docker_engine.labels import leftovers

pytestmark = pytest.mark.timeout(500)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_s_cells_run_with_functions_in_containers(
    notebook: str, docker_engine: DockerEngine, workspace: Path
) -> None:
    variables = {"LABKIT_FUNCTIONS": "docker", "DOCKER_HOST": docker_engine.url}
    run_notebook(notebook, workspace, variables)
    assert "container" in (workspace / ".labkit/logs/gateway.log").read_text()
    with docker_engine.client() as engine:
        # The lab ends with the notebook's kernel, soon after it.
        eventually(
            lambda: not [one for one in leftovers(engine) if one.workspace == str(workspace)], within=20
        )
