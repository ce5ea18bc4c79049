"""deploy/: the compose file and the manifests, against their schemas and against the code."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from deploy_images import NATS_IMAGE, PYTHON_IMAGE, locked
from docker.utils import exclude_paths
from packaging.requirements import Requirement

from labkit.supervisor.nats_server import RESULT_ROOM
from labkit.supervisor.settings import Settings
from labkit_services.contract.ports import DEFAULT_GATEWAY_PORT, DEFAULT_INSPECTOR_PORT, WORKER_METRICS_PORT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = DEPLOY / "kubernetes"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
PORTS = {
    "gateway": DEFAULT_GATEWAY_PORT,
    "queue-worker": WORKER_METRICS_PORT,
    "inspector": DEFAULT_INSPECTOR_PORT,
}
VERSIONS = ("1.30", "1.37")
"""Of Kubernetes: an old one that is still in use, and the newest known."""


def kustomization() -> dict[str, Any]:
    return yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())


def resources() -> list[dict[str, Any]]:
    names = kustomization()["resources"]
    return [one for name in names for one in yaml.safe_load_all((MANIFESTS / name).read_text())]


def deployments() -> list[dict[str, Any]]:
    return [one for one in resources() if one["kind"] == "Deployment"]


def pods() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each deployment's pod and its container."""
    found = []
    for one in deployments():
        pod = one["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        found.append((pod, container))
    return found


def test_the_compose_file_is_valid() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(DEPLOY / "compose.yaml")], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_valid_for_kubernetes(version: str) -> None:
    assert [one["kind"] for one in resources()]

    for one in resources():
        kubernetes_validate.validate(one, version, strict=True)


def test_a_misspelt_field_of_a_manifest_is_found() -> None:
    wrong = deployments()[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_kustomization_lists_every_manifest_and_image() -> None:
    document = kustomization()

    assert set(document["resources"]) == {path.name for path in MANIFESTS.iterdir()} - {"kustomization.yaml"}
    assert {one["name"] for one in document["images"]} == {container["image"] for _, container in pods()}
    assert set(document) <= {"apiVersion", "kind", "namespace", "resources", "images"}


def test_pods_have_no_privileges_and_have_limits_and_probes() -> None:
    for pod, container in pods():
        user = re.search(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
        assert user is not None
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]) == (
            int(user[1]),
            int(user[2]),
        )
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["path"] == "/healthz"
            assert container[probe]["httpGet"]["port"] == container["ports"][0]["name"]


def test_secrets_are_in_no_file() -> None:
    for _, container in pods():
        secret = [one for one in container["env"] if re.search("token|password|user", one["name"])]
        assert all("secretKeyRef" in one["valueFrom"] for one in secret)
    assert "Secret" not in {one["kind"] for one in resources()}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in services.values():
        for name, value in service["environment"].items():
            assert "token" not in name.lower() or value.startswith("${"), name


def test_ports_are_those_of_the_services() -> None:
    exposed = dict(
        re.findall(r"^FROM services AS (\S+)$.*?^EXPOSE (\d+)$", CONTAINERFILE, re.MULTILINE | re.DOTALL)
    )

    assert {name: int(exposed[name]) for name in PORTS} == PORTS
    for _, container in pods():
        assert container["ports"][0]["containerPort"] == PORTS[container["name"]]


def test_a_pod_has_more_time_to_end_than_its_running_calls() -> None:
    (worker,) = [pod for pod, container in pods() if container["name"] == "queue-worker"]
    (seconds,) = [one["value"] for one in worker["containers"][0]["env"] if one["name"] == "drain_timeout"]

    assert worker["terminationGracePeriodSeconds"] > int(seconds.removesuffix("s"))


def test_nats_takes_messages_as_large_as_the_labs_own() -> None:
    (size,) = re.findall(r"^max_payload: (\d+)$", (DEPLOY / "nats.conf").read_text(), re.MULTILINE)

    assert int(size) == Settings(workspace="").max_body + RESULT_ROOM


def test_base_images_have_one_name() -> None:
    compose = (DEPLOY / "compose.yaml").read_text()

    assert f"ARG PYTHON={PYTHON_IMAGE}\n" in CONTAINERFILE
    assert f"${{PYTHON_IMAGE:-{PYTHON_IMAGE}}}" in compose
    assert f"${{NATS_IMAGE:-{NATS_IMAGE}}}" in compose


def test_the_build_context_is_small() -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    files = {path for path in exclude_paths(str(ROOT), patterns) if (ROOT / path).is_file()}

    assert "deploy/requirements.lock" in files
    assert "services/labkit_services/gateway/__main__.py" in files
    others = {path for path in files if not path.startswith(("services/labkit_services/", "deploy/wheels/"))}
    assert others == {"deploy/requirements.lock", ".dockerignore"}
    assert not [path for path in files if "__pycache__" in path]


def test_the_images_have_the_versions_that_were_tested() -> None:
    ours = {one.name: str(one.specifier) for one in locked(DEPLOY / "requirements.lock")}
    tested = {one.name: str(one.specifier) for one in locked(ROOT / "requirements.lock")}
    direct = [line for line in (DEPLOY / "requirements.in").read_text().splitlines() if line[0] != "#"]
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]

    assert {name: ours[name] for name in ours if name in tested} == ours
    assert {Requirement(line).name for line in direct} <= {Requirement(line).name for line in declared}
