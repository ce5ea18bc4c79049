"""``labkit binder`` in a checkout, and without one. No server is asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from labkit_command import LABKIT, labkit

FIRST = "notebooks/en/00-welcome.ipynb"
PAGE = "lab/workspaces/labkit/tree/my-notebooks/en/00-welcome.ipynb"
"""The learner's copy, which the server makes when it starts."""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with three notebooks, on branch ``main``, its only commit pushed."""
    for name in ("LABKIT_WORKSPACE", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-config"))
    server, folder = tmp_path / "server.git", tmp_path / "my clone"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(server))
    git(tmp_path, "clone", "--quiet", str(server), str(folder))
    for name in (FIRST, "notebooks/zh/00-欢迎.ipynb", "notebooks/en/02 #2 100%.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    commit(folder)
    git(folder, "push", "--quiet", "origin", "HEAD:main")
    git(folder, "checkout", "--quiet", "-B", "main")
    git(folder, "remote", "set-url", "origin", "git@github.com:an-org/labkit.git")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=jo", "-c", "user.email=jo@example.org", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def binder(folder: Path, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(labkit(folder, "binder", "--json", *arguments))
    return document


def test_a_tag_at_head_is_pinned_without_a_warning(checkout: Path) -> None:
    git(checkout, "tag", "v1.0")

    found = binder(checkout)

    assert found["binder"]["url"] == f"https://mybinder.org/v2/gh/an-org/labkit/v1.0?urlpath={PAGE}"
    assert (found["ref"], found["kind"], found["warnings"]) == ("v1.0", "tag", [])
    assert "nbgitpuller" not in found


def test_a_branch_is_warned_about_and_the_commit_offered(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")

    done = subprocess.run(
        [LABKIT, "binder"], capture_output=True, text=True, cwd=checkout, timeout=30, check=True
    )

    assert f"https://mybinder.org/v2/gh/an-org/labkit/main?urlpath={PAGE}" in done.stdout
    assert "[![Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh" in done.stdout
    assert '<a href="https://mybinder.org/v2/gh' in done.stdout
    assert done.stderr.startswith("\nwarning: main is a branch")
    assert f"--ref {head}" in done.stderr
    assert binder(checkout, "--ref", head[:8])["warnings"] == []
    assert binder(checkout, "--ref", head[:8])["ref"] == head  # a whole id works on every host


def test_what_is_not_pushed_or_not_committed_is_named(checkout: Path) -> None:
    head = commit(checkout)
    (checkout / "notebooks/en/03-mine.ipynb").write_text("{}")

    found = binder(checkout, "--ref", head, "--notebook", "03")

    assert [warning.split(":")[0] for warning in found["warnings"]] == [
        f"commit {head} is on no branch of a remote, as far as this checkout knows",
        f"{head} does not have notebooks/en/03-mine.ipynb",
    ]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["--notebook", "00-welcome"], FIRST),
        (["--notebook", "00-welcome.ipynb"], FIRST),
        (["--notebook", FIRST], FIRST),
        (["--language", "zh"], "notebooks/zh/00-%E6%AC%A2%E8%BF%8E.ipynb"),
        (["--notebook", "notebooks/zh/00-欢迎.ipynb"], "notebooks/zh/00-%E6%AC%A2%E8%BF%8E.ipynb"),
        (["--notebook", "02"], "notebooks/en/02%20%232%20100%25.ipynb"),
    ],
)
def test_a_notebook_is_found_by_name_path_or_language(
    checkout: Path, arguments: list[str], path: str
) -> None:
    url = binder(checkout, *arguments, "--no-workspace")["binder"]["url"]

    # The page is a path, quoted; in the query it is quoted again.
    assert url.endswith(f"?urlpath=lab/tree/{path.replace('%', '%25')}")


def test_in_the_layout_only_what_has_a_copy_is_opened_as_a_copy(checkout: Path) -> None:
    (checkout / "other/01-mine.ipynb").parent.mkdir()
    (checkout / "other/01-mine.ipynb").write_text("{}")

    urls = [binder(checkout, "--notebook", name)["binder"]["url"] for name in ("02", "other/01-mine.ipynb")]

    assert [url.partition("/tree/")[2] for url in urls] == [
        "notebooks/en/02%2520%25232%2520100%2525.ipynb",
        "other/01-mine.ipynb",
    ]


def test_a_hub_gets_a_branch_and_the_repositorys_folder(checkout: Path) -> None:
    git(checkout, "tag", "v1.0")

    found = binder(checkout, "--hub", "https://hub.example.edu/", "--no-workspace")

    assert found["nbgitpuller"]["url"] == (
        "https://hub.example.edu/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fan-org%2Flabkit"
        "&branch=main&urlpath=lab%2Ftree%2Flabkit%2Fnotebooks%2Fen%2F00-welcome.ipynb%3Fautodecode"
    )
    assert "/v1.0?" in found["binder"]["url"]


@pytest.mark.parametrize(
    ("remote", "form"),
    [
        ("https://gitlab.com/a/b/labkit.git", "v2/gl/a%2Fb%2Flabkit/main?"),
        (
            "https://git.example.org/x/labkit.git",
            "v2/git/https%3A%2F%2Fgit.example.org%2Fx%2Flabkit.git/main?",
        ),
    ],
)
def test_each_kind_of_host_has_its_form(checkout: Path, remote: str, form: str) -> None:
    git(checkout, "remote", "set-url", "origin", remote)

    assert form in binder(checkout)["binder"]["url"]


def test_another_repository_and_binderhub_can_be_named_outside_a_checkout(tmp_path: Path) -> None:
    found = binder(
        tmp_path, "--repo", "an-org/labkit", "--ref", "v2", "--binder", "https://binder.example.org"
    )

    assert found["binder"]["url"].startswith("https://binder.example.org/v2/gh/an-org/labkit/v2?urlpath=")
    assert "v2 may be a branch" in found["warnings"][0]


def errors(checkout: Path, *arguments: str) -> str:
    return labkit(checkout, "binder", *arguments, code=1)


def test_errors_say_what_is_there(checkout: Path, tmp_path: Path) -> None:
    unknown = errors(checkout, "--notebook", "99")
    assert "no such notebook" in unknown
    assert "00-welcome, 02 #2 100%" in unknown
    assert "several" in errors(checkout, "--notebook", "0")
    assert "one of: en, zh" in errors(checkout, "--language", "fr")
    assert "belongs to no checkout" in errors(tmp_path)
    assert "40 digits" in errors(tmp_path, "--repo", "https://git.example.org/x/y", "--ref", "abcdef1")
    assert "needs a branch" in errors(tmp_path, "--repo", "a/b", "--ref", "abcdef1", "--hub", "https://h.org")
    assert "not the address of a server" in errors(checkout, "--hub", "h.org")

    git(checkout, "remote", "set-url", "origin", str(tmp_path / "server.git"))
    assert "could not clone" in errors(checkout)
    git(checkout, "remote", "rename", "origin", "a")
    git(checkout, "remote", "add", "b", "https://github.com/b/labkit")
    assert "has a, b" in errors(checkout)
    git(checkout, "remote", "remove", "a")
    assert "/v2/gh/b/labkit/main?" in binder(checkout)["binder"]["url"]
    git(checkout, "remote", "remove", "b")
    assert "has no remote" in errors(checkout)


def test_without_git_a_repository_can_be_named(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "env", "readlink"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tools))

    assert "git on the PATH" in errors(checkout)
    assert binder(checkout, "--repo", "an-org/labkit")["ref"] == "HEAD"


def test_a_new_checkout_without_a_commit_is_named(checkout: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    git(tmp_path, "init", "--quiet", str(empty))
    git(empty, "remote", "add", "origin", "https://github.com/an-org/labkit")

    assert "git commit, then git push" in errors(empty)
