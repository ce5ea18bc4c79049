"""``labkit doctor`` looks at JupyterLab's parts, in settings of a test's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from labkit_command import LABKIT

EXTENSIONS = Path(sys.prefix) / "share/jupyter/labextensions"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own settings of Jupyter, which are empty."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    # As in an environment of one's own: the user's settings come first.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


def doctor(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [LABKIT, "doctor", "--no-start"], capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_all_parts_are_enabled(settings: Path, tmp_path: Path) -> None:
    code, text = doctor(tmp_path)

    assert code == 0
    for name in ("anywidget", "jupyter-server-proxy"):
        assert f"ok   {name}" in text
    assert (
        "ok   extensions    enabled in JupyterLab: labkit.jupyter.server_extension, jupyter_server_proxy"
        in text
    )


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (
            "jupyter_server_config.json",
            {"ServerApp": {"jpserver_extensions": {"jupyter_server_proxy": False}}},
            "jupyter_server_proxy is disabled, so no lab page behind Jupyter; "
            "next: remove jupyter_server_proxy",
        ),
        (
            "labconfig/page_config.json",
            {"disabledExtensions": {"anywidget": True}},
            "anywidget is disabled, so no live views; next: remove anywidget",
        ),
        (
            "labconfig/page_config.json",
            {"disabledExtensions": {"@jupyter-widgets/jupyterlab-manager:plugin": True}},
            "@jupyter-widgets/jupyterlab-manager is disabled, so no widgets; "
            "next: remove @jupyter-widgets/jupyterlab-manager:plugin",
        ),
    ],
)
def test_a_disabled_extension_is_named_with_the_file_that_disables_it(
    settings: Path, tmp_path: Path, file: str, content: dict[str, object], says: str
) -> None:
    (settings / file).parent.mkdir(exist_ok=True)
    (settings / file).write_text(json.dumps(content))

    code, text = doctor(tmp_path)

    assert code == 1
    assert f"BAD  extensions    {says} from {settings / file}" in text
    (settings / file).unlink()
    assert doctor(tmp_path)[0] == 0


def test_a_missing_extension_is_named(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.cli import jupyter_parts

    share = tmp_path / "share"
    shutil.copytree(EXTENSIONS, share / "labextensions", ignore=shutil.ignore_patterns("anywidget", "static"))
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *names: [str(share.joinpath(*names))])

    problems = {part.name: problem for part, problem in jupyter_parts.check_parts()}

    assert problems["anywidget"].startswith("missing, so no live views; next: ")
    assert "pip install --force-reinstall --no-deps anywidget==" in problems["anywidget"]
    assert problems["@jupyter-widgets/jupyterlab-manager"] == ""
