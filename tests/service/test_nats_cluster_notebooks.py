"""The notebooks run unchanged on an existing NATS, by two variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Cluster, cluster_of
from notebook_runs import NOTEBOOKS, run_notebook

pytestmark = pytest.mark.timeout(500)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_s_cells_run_on_a_cluster(notebook: str, cluster: Cluster, workspace: Path) -> None:
    cluster.empty()
    log = run_notebook(
        notebook,
        workspace,
        {"LABKIT_NATS": cluster.nodes.urls, "LABKIT_NATS_CREDENTIALS": str(cluster.credentials())},
    )
    assert cluster.nodes.urls in log  # that is where the lab was
