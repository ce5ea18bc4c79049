"""``--tag``: images named after the state of a real git repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli.git import GitError
from labkit.openfaas_cli.faas_cli.image_tag import TAG, ImageTagError, check_image_name, image_name
from labkit.openfaas_cli.pflag import UsageError, parse


def git(*words: str) -> str:
    person = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    return subprocess.run(
        ["git", *person, *words], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder outside of any repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sha(folder: Path) -> str:
    """The short sha of a repository's only commit, which is tagged v1."""
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "one")
    git("tag", "v1")
    return git("rev-parse", "--short", "HEAD")


def name(image: str, tag_format: str) -> str:
    return image_name(image, tag_format, Path())


@pytest.mark.row("4.3 --tag")
@pytest.mark.parametrize("tag_format", ["", "latest", "default"])
@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("img", "img:latest"),
        ("img:0.2", "img:0.2"),
        ("me/img", "me/img:latest"),
        ("localhost:5000/img", "localhost:5000/img:latest"),
        ("registry:5000/me/img", "registry:5000/me/img:latest"),
        ("registry:5000/me/img:1", "registry:5000/me/img:1"),
        ("me/img@sha256:0a1b", "me/img@sha256:0a1b"),
    ],
)
def test_an_image_without_a_tag_gets_latest(image: str, tag_format: str, expected: str) -> None:
    assert name(image, tag_format) == expected


@pytest.mark.parametrize("text", ["sha", "SHA", "Branch", "describe", "digest", "latest", "default", ""])
def test_a_tag_format_is_known_in_any_case(text: str) -> None:
    assert parse([TAG], ["--tag", text]).text("tag") == text.lower()


def test_an_unknown_tag_format_is_refused_in_the_words_of_the_real_one() -> None:
    with pytest.raises(UsageError) as caught:
        parse([TAG], ["--tag", "Date"])

    assert caught.value.headline == (
        'invalid argument "Date" for "--tag" flag: unknown image tag format: \'Date\''
    )


@pytest.mark.row("4.3 --tag")
@pytest.mark.parametrize(
    ("image", "tag_format", "expected"),
    [
        ("img", "sha", "img:latest-{sha}"),
        ("img:0.2", "sha", "img:0.2-{sha}"),
        ("registry:5000/me/img", "sha", "registry:5000/me/img:latest-{sha}"),
        ("registry:5000/me/img:0.2", "sha", "registry:5000/me/img:0.2-{sha}"),
        ("img", "branch", "img:latest-main-{sha}"),
        ("img", "describe", "img:latest-v1"),
    ],
)
def test_git_output_is_appended_to_the_tag(image: str, tag_format: str, expected: str, sha: str) -> None:
    assert name(image, tag_format) == expected.format(sha=sha)


@pytest.mark.row("4.3 --tag")
def test_after_more_commits_describe_counts_them(sha: str) -> None:
    git("commit", "-q", "--allow-empty", "-m", "two")

    assert name("img", "describe") == f"img:latest-v1-1-g{git('rev-parse', '--short', 'HEAD')}"


@pytest.mark.row("4.3 --tag")
def test_without_any_tag_describe_is_the_sha(sha: str) -> None:
    git("tag", "-d", "v1")

    assert name("img", "describe") == f"img:latest-{sha}"


@pytest.mark.row("4.3 --tag")
def test_digest_is_computed_from_the_files_in_the_order_of_their_paths(folder: Path) -> None:
    (folder / "f/b").mkdir(parents=True)
    for path, text in (("f/z", "1"), ("f/b/a", "2"), ("f/b.txt", "3")):
        (folder / path).write_text(text)
    (folder / "f/link").symlink_to("z")

    # Computed a second time with the tools of a shell; "/" sorts after ".".
    shell = "cd f && md5sum b.txt b/a z | cut -c-32 | tr -d '\\n' | md5sum | cut -c-32"
    expected = subprocess.run(["sh", "-c", shell], check=True, capture_output=True, text=True).stdout.strip()

    assert image_name("me/img:0.2", "digest", Path("f")) == f"me/img:{expected}"
    (folder / "f/z").write_text("4")
    assert image_name("me/img:0.2", "digest", Path("f")) != f"me/img:{expected}"


@pytest.mark.row("4.3 --tag")
@pytest.mark.parametrize(
    ("tag_format", "what"),
    [("sha", "Git SHA"), ("branch", "Git branch and SHA"), ("describe", "Git Tag and SHA")],
)
def test_outside_of_a_repository_is_an_error(tag_format: str, what: str) -> None:
    with pytest.raises(
        ImageTagError, match=f"cannot tag image with {what} as this is not a Git repo"
    ) as caught:
        name("img", tag_format)

    assert caught.value.seen.startswith("fatal: not a git repository")
    assert "--tag digest" in caught.value.next_step


def test_a_repository_without_a_commit_has_no_sha() -> None:
    git("init", "-q")

    with pytest.raises(ImageTagError, match="cannot tag image with Git SHA") as caught:
        name("img", "sha")

    assert caught.value.seen.startswith("fatal: ")
    assert "commit once" in caught.value.next_step


def test_a_branch_that_is_no_valid_tag_is_only_an_error_of_a_build(sha: str) -> None:
    git("checkout", "-q", "-b", "feature/x")

    image = name("img", "branch")

    assert image == f"img:latest-feature/x-{sha}"
    with pytest.raises(ImageTagError, match=f'^invalid tag "{image}": invalid reference format'):
        check_image_name(image)


@pytest.mark.parametrize(
    "image", [":latest", "img:", "img:ü", "a:b:c", "me/:1", "img:.x", f"img:{'x' * 129}"]
)
def test_a_name_that_docker_refuses_for_its_tag_is_an_error_of_a_build(image: str) -> None:
    with pytest.raises(ImageTagError, match=f'^invalid tag "{re.escape(image)}": invalid reference format'):
        check_image_name(image)


@pytest.mark.parametrize(
    "image", ["img:1", "localhost:5000/me/img:1.0-x_y", "<your-name>/img:latest", "ttl.sh/a:1h"]
)
def test_other_names_are_not_checked(image: str) -> None:
    check_image_name(image)


def test_missing_git_is_an_error(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(GitError, match="git is not installed"):
        name("img", "sha")
