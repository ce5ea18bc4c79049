"""The notebooks run unchanged on an existing NATS, by two variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Cluster, cluster_of

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(500)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.mark.parametrize("notebook", ["01-sync-vs-async", "02-the-queue-worker"])
def test_a_notebook_s_cells_run_on_a_cluster(notebook: str, cluster: Cluster, workspace: Path) -> None:
    cluster.empty()
    variables = {
        "LABKIT_NATS": cluster.nodes.urls,
        "LABKIT_NATS_CREDENTIALS": str(cluster.credentials()),
        "LABKIT_WORKSPACE": str(workspace),
    }
    plugins = ("-p", "tests.notebooks.nbval_proofs", "-p", "no:randomly", "-o", f"cache_dir={workspace}")
    options = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *options, f"notebooks/en/{notebook}.ipynb"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    log = (workspace / ".labkit/logs/supervisor.log").read_text()
    assert cluster.nodes.urls in log  # that is where the lab was
