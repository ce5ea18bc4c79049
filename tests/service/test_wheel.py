"""The whole workbench from labkit's wheel, in an empty folder, without a clone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from installed_environment import ROOT, Environment, build, run, unpack
from marked_processes import assert_gone, command_of, marked

FOLDERS = {"labkit": "labkit", "services/labkit_services": "labkit_services", "notebooks": "labkit/notebooks"}
"""Folders of the repository, and where the wheel has them."""
AUTHORS = ROOT / "notebooks" / "source"
"""What the notebooks are made from: in no wheel."""
FIRST = "00-welcome.ipynb"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(wheel)
    return environment


def content(wheel: Path) -> dict[str, tuple[bytes, bool]]:
    """Return by path each file's bytes, and whether it is executable; without RECORD."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            each.filename: (archive.read(each), bool(each.external_attr >> 16 & 0o111))
            for each in archive.infolist()
            if not each.filename.endswith(".dist-info/RECORD")
        }


def tracked(folder: str) -> list[Path]:
    """Return the files that git keeps in a folder, or would after ``git add``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=True,
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_the_wheel_has_the_packages_the_notebooks_and_nothing_else(wheel: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this folder is not a git checkout: what belongs to the project cannot be seen")
    expected = {
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}": (path.read_bytes(), os.access(path, os.X_OK))
        for folder, place in FOLDERS.items()
        for path in tracked(folder)
        if AUTHORS not in path.parents
    }

    found = content(wheel)

    package = {name: file for name, file in found.items() if ".d" not in name.partition("/")[0]}
    assert package.keys() == expected.keys()
    assert package == expected
    assert sorted(name.partition("/")[2] for name in found.keys() - package.keys()) == [
        "METADATA",
        "WHEEL",
        "data/etc/jupyter/jupyter_server_config.d/labkit.json",
        "data/etc/jupyter/labconfig/page_config.d/labkit.json",
        "entry_points.txt",
        "licenses/LICENSE",
        *(f"scripts/{name}" for name in ("faas-cli", "kubectl", "labkit")),
    ]


def test_what_the_notebooks_show_is_in_the_wheel(wheel: Path) -> None:
    names = content(wheel).keys()
    notebooks = [name for name in names if name.endswith(".ipynb")]

    assert f"labkit/notebooks/en/{FIRST}" in notebooks
    for name in notebooks:
        cells = json.loads(content(wheel)[name][0])["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        shown = re.findall(
            r"!\[[^]]*\]\((?!https?:|data:|attachment:)([^)\s]+)|<img[^>]+src=\"(?!https?:|data:)([^\"]+)",
            text,
        )
        for target in (a or b for a, b in shown):
            assert os.path.normpath(f"{name}/../{target}") in names, f"{name} shows {target}"


def test_an_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    for name in ("sdist", "source", "wheel"):
        (tmp_path / name).mkdir()

    source = unpack(build("sdist", tmp_path / "sdist"), tmp_path / "source")
    again = build("wheel", tmp_path / "wheel", source)

    assert content(again) == content(wheel)
    assert not [path for path in source.rglob("*") if path.name in (".hypothesis", ".venv", "__pycache__")]


def test_everything_is_imported_from_the_wheel(installed: Environment, tmp_path: Path) -> None:
    """Every module, so none misses a file that it reads when it is imported."""
    code = """
import importlib, pkgutil, json, labkit, labkit_services
from labkit.pristine_notebooks import notebooks_folder
skip = ("labkit.openfaas_cli.faas_cli.template", "labkit_services.images.files", "labkit_services.images.bin")
for package in (labkit, labkit_services):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith(skip) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps([labkit.__file__, labkit_services.__file__, str(notebooks_folder())]))
"""

    places = json.loads(run(installed.python, "-I", "-c", code, cwd=tmp_path))

    assert all(Path(place).is_relative_to(installed.folder) for place in places), places


def clean_environment(installed: Environment, home: Path) -> dict[str, str]:
    """Return a learner's environment, in which nothing points to the checkout."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "OPENFAAS", "PYTHON", "VIRTUAL_ENV"))
        and (not name.startswith("LABKIT_") or name == "LABKIT_TEST_CASE")
    }
    return {**inherited, "HOME": str(home), "PATH": f"{installed.bin}{os.pathsep}/usr/bin{os.pathsep}/bin"}


@contextmanager
def running_lab(installed: Environment, folder: Path, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run ``labkit lab`` in a folder; yield what it prints."""
    command = [str(installed.bin / "labkit"), "lab", "--no-browser", "--json", "--port", "0"]
    command += ["--gateway-port", "0", "--inspector-port", "0"]
    with subprocess.Popen(command, cwd=folder, env=dict(env), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"labkit lab ended with {process.wait(20)}"
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(20)


def test_labkit_lab_in_an_empty_folder_is_the_whole_workbench(
    installed: Environment, workspace: Path, tmp_path: Path, mark: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = clean_environment(installed, home)
    with running_lab(installed, workspace, env) as started:
        check_jupyterlab(started["jupyterlab"])
        assert (workspace / "my-notebooks/en" / FIRST).is_file()
        check_pages(started)
        run_first_notebook(installed, workspace, env)
        check_functions(installed, workspace, env, started["gateway"])
        assert_nothing_runs_from_the_checkout(mark)
    assert_gone(mark, within=10)


def check_jupyterlab(url: str) -> None:
    base, _, token = url.partition("lab/workspaces/labkit")
    headers = {"Authorization": f"token {token.partition('token=')[2]}"}
    assert httpx.get(url, follow_redirects=True, timeout=30).status_code == 200
    extensions = httpx.get(f"{base}lab/api/extensions", headers=headers, timeout=30).json()
    names = {each["name"] for each in extensions if each["enabled"]}
    layout = httpx.get(f"{base}lab/api/workspaces/labkit", headers=headers, timeout=30).json()["data"]
    assert f"notebook:my-notebooks/en/{FIRST}" in layout
    page = httpx.get(f"{base}labkit/", headers=headers, timeout=30)
    assert (page.status_code, "static/inspector/page/app.js" in page.text) == (200, True)
    assert names >= {"anywidget", "jupyter-widgets-jupyterlab-manager", "jupyterhub-jupyter-server-proxy"}


def check_pages(started: Mapping[str, Any]) -> None:
    with httpx.Client(timeout=30) as browser:  # which keeps the cookie that the link's token sets
        browser.get(started["inspector"])
        loaded = load(browser, httpx.URL(started["inspector"]).copy_with(query=None))
    assert len(loaded) > 20
    assert any("createTimeline" in text for text in loaded.values())
    assert httpx.get(f"{started['gateway']}/openapi.json", timeout=30).json()["openapi"]


REFERENCES = {
    "text/html": re.compile(r'<(?:script|link)\b[^>]*\b(?:src|href)="(?!data:)([^"]+)"'),
    "text/javascript": re.compile(r"""\b(?:from|import)\s*["'](\.{1,2}/[^"']+\.js)["']"""),
}


def load(browser: httpx.Client, page: httpx.URL) -> dict[str, str]:
    """Return a page and the modules and styles that it refers to, by URL; none may be missing."""
    loaded: dict[str, str] = {}
    waiting = [page]
    while waiting:
        url = waiting.pop()
        response = browser.get(url)
        assert response.status_code == 200, url
        loaded[str(url)] = response.text
        kind = response.headers["content-type"].partition(";")[0]
        targets = REFERENCES[kind].findall(response.text) if kind in REFERENCES else []
        waiting += [new for target in targets if str(new := url.join(target)) not in loaded]
    return loaded


RUN_CELLS = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
ends = [number for number, cell in enumerate(notebook.cells) if "lab.invoke(" in cell.source]
notebook.cells = notebook.cells[: ends[0] + 1]
nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute(cwd=".")
print(notebook.cells[-1].outputs[0].text)
"""


def run_first_notebook(installed: Environment, workspace: Path, env: Mapping[str, str]) -> None:
    """Run the learner's copy of the first notebook, in a kernel, up to its first call of a function."""
    notebook = workspace / "my-notebooks/en" / FIRST
    assert "status 200" in run(installed.python, "-c", RUN_CELLS, str(notebook), cwd=notebook.parent, **env)


def check_functions(installed: Environment, workspace: Path, env: Mapping[str, str], gateway: str) -> None:
    """Use templates and the function store, whose files are the package's."""

    def faas_cli(*arguments: str) -> str:
        return run(str(installed.bin / "faas-cli"), *arguments, cwd=workspace, **env)

    faas_cli("new", "--lang", "python3-http", "hello", "--prefix", "me")
    assert "Deployed. 202 Accepted." in faas_cli("up", "-f", "stack.yaml")
    assert "Deployed. 202 Accepted." in faas_cli("store", "deploy", "figlet")
    assert httpx.post(f"{gateway}/function/hello", content="x", timeout=30).status_code == 200
    banner = httpx.post(f"{gateway}/function/figlet", content="hi", timeout=30)
    assert (banner.status_code, banner.text.count("\n")) == (200, 6)


def assert_nothing_runs_from_the_checkout(mark: str) -> None:
    """Neither a command line nor a mapped file is the checkout's, but for borrowed packages."""
    seen = 0
    for process in marked(mark):
        try:
            mapped = process.memory_maps(grouped=True) if sys.platform == "linux" else []
            files = [*command_of(process), *(file.path for file in mapped)]
        except psutil.Error:
            continue
        seen += 1
        ours = [file for file in files if file.startswith((f"{ROOT}/labkit", f"{ROOT}/services"))]
        assert ours == [], process.cmdline()
    assert seen > 5
