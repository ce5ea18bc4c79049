"""The lists of packages agree: pyproject.toml, the lock files, and what is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")

PACKAGE_INDEX = re.compile(
    r"[\w.-]*(?:pypi|pythonhosted|anaconda|npmjs|yarnpkg)[\w-]*\.(?:org|com|net|io|dev)", re.I
)
"""A host of packages, which would override a learner's own settings."""


def requirements(*groups: str) -> dict[str, Requirement]:
    """Return by name what pyproject.toml requires, with some `groups`."""
    project = PROJECT["project"]
    lines = [
        *project["dependencies"],
        *(line for g in groups for line in project["optional-dependencies"][g]),
    ]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def locked(lock: str) -> dict[str, list[Version]]:
    """Return each package's versions: several if they depend on the system."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.M)
    found: dict[str, list[Version]] = {}
    for name, version in pins:
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


def entries(lock: str) -> list[str]:
    """Return the lines of each package; only its first is not indented."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in re.split(r"\n(?=\S)", "\n".join(lines)) if entry]


def test_locked_builder_is_one_that_the_build_requires() -> None:
    (builder,) = map(Requirement, PROJECT["build-system"]["requires"])

    assert requirements("build")[builder.name].specifier == builder.specifier


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "dev"])]
)
def test_lock_has_a_matching_version_of_every_requirement(lock: str, groups: list[str]) -> None:
    versions = locked(lock)

    misfits = [
        f"{name}: wanted {requirement.specifier}, locked {versions.get(name, 'nothing')}"
        for name, requirement in requirements(*groups).items()
        if not versions.get(name) or not all(v in requirement.specifier for v in versions[name])
    ]

    assert misfits == [], "run: make lock"


def test_tests_run_with_the_versions_that_learners_get() -> None:
    learner, tests = locked("requirements.lock"), locked("requirements-dev.lock")

    assert {name: tests.get(name) for name in learner} == learner


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_and_has_a_hash(lock: str) -> None:
    unsafe = [
        entry.splitlines()[0]
        for entry in entries(lock)
        if not re.match(r"[\w.-]+==[^\s;]+", entry) or "--hash=sha256:" not in entry
    ]

    assert entries(lock)
    assert unsafe == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_source(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"\w+://\S*|--(?:extra-|default-)?index\S*|--find-links\S*|\S+ @ \S+", text) == []


@pytest.mark.parametrize("host", ["py" + "pi.org", "files.pythonhosted" + ".org", "conda.anaconda" + ".org"])
def test_address_of_a_package_index_is_recognised(host: str) -> None:
    assert PACKAGE_INDEX.findall(f"index-url = https://{host}/simple") == [host]


def test_no_file_of_the_project_names_a_package_index() -> None:
    named = {}
    for path in tracked_files():
        try:
            hosts = PACKAGE_INDEX.findall((ROOT / path).read_text(encoding="utf-8"))
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # An image; or removed, but not committed yet.
        if hosts:
            named[path] = hosts

    assert named == {}


def test_git_stores_the_link_as_a_link_and_scripts_as_executable() -> None:
    listed = git("ls-files", "--stage", "binder", "tools", ".ci", "scripts")
    modes = {line.split("\t")[1]: line.split()[0] for line in listed.splitlines()}

    assert modes["binder/environment.yml"] == "120000"
    scripts = (
        "binder/postBuild",
        "binder/start",
        "tools/setup.sh",
        "tools/test.sh",
        ".ci/run",
        "scripts/faas-cli",
    )
    assert {script: modes[script] for script in scripts} == dict.fromkeys(scripts, "100755")


def test_each_program_is_installed_as_the_one_start_script() -> None:
    shared = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-scripts"]
    text = (ROOT / "scripts/faas-cli").read_text()

    assert set(shared.values()) == {"faas-cli", "kubectl", "labkit"}
    for source, name in shared.items():
        assert (ROOT / source).resolve() == ROOT / "scripts/faas-cli"
        assert f'"{name}": "labkit.' in text
        assert Path(sys.executable).with_name(name).read_text() == text  # run tools/setup.sh dev if not
    assert "labkit." in text[:1024], "find_real would take it for the real program"


def tracked_files() -> list[str]:
    return [path for path in git("ls-files", "-z").split("\0") if path]


def git(*arguments: str) -> str:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this folder is not a git checkout: what git keeps cannot be seen")
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_the_installed_package_has_switched_on_its_part_of_jupyter() -> None:
    """In files of its own: a user's own overrides.json is not touched."""
    shared = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]

    assert sorted(shared.values()) == [
        "etc/jupyter/jupyter_server_config.d/labkit.json",
        "etc/jupyter/labconfig/page_config.d/labkit.json",
    ]
    for source, installed in shared.items():
        assert (Path(sys.prefix) / installed).read_text() == (ROOT / source).read_text(), (
            "run: tools/setup.sh dev"
        )
