"""The folder that a function is built from."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli.build_context import BuildContextError, create_build_context
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.templates import Template
from labkit.openfaas_cli.faas_cli.verbs.up import file_states


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    """The template ``mine``, beside a function ``f``."""
    monkeypatch.chdir(tmp_path)
    write("template/mine/template.yml", "language: mine\n")
    write("template/mine/Dockerfile", "FROM alpine\n")
    write("template/mine/function/handler.py", "sample")
    write("template/mine/function/helper.py", "of the template")
    write("f/handler.py", "mine")
    return Template(Path("template/mine"))


def write(name: str, text: str) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def tree(folder: Path) -> dict[str, str]:
    """Return the text of every file below ``folder``."""
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


FUNCTION = StackFunction("f", lang="mine", handler="./f")
DOCKERFILE = StackFunction("f", lang="dockerfile", handler="./f")


def test_the_function_is_put_over_the_template_s_own_function(template: Template) -> None:
    context = create_build_context(FUNCTION, template, [])

    assert context == Path("build/f")
    assert tree(context) == {
        "Dockerfile": "FROM alpine\n",
        "template.yml": "language: mine\n",
        "function/handler.py": "mine",
        "function/helper.py": "of the template",
    }


@pytest.mark.parametrize("folder", ["src", "src/app", "./src/", "."])
def test_a_template_s_handler_folder_gets_the_learner_s_code(folder: str) -> None:
    write("template/mine/src/handler.py", "sample")

    context = create_build_context(FUNCTION, Template(Path("template/mine"), handler_folder=folder), [])

    assert (context / folder / "handler.py").read_text() == "mine"
    assert (context / "function/handler.py").read_text() == "sample"


def test_with_a_dockerfile_there_is_no_template(template: Template) -> None:
    context = create_build_context(DOCKERFILE, template, [])

    assert tree(context) == {"handler.py": "mine"}


def test_entries_named_build_and_template_are_left_out(template: Template) -> None:
    write("f/build/x", "")
    write("f/template", "")
    write("f/sub/build/kept", "")

    assert tree(create_build_context(DOCKERFILE, template, [])).keys() == {"handler.py", "sub/build/kept"}


def test_the_current_folder_may_be_the_function(template: Template) -> None:
    function = StackFunction("f", lang="dockerfile", handler=".")

    assert tree(create_build_context(function, template, [])) == {"f/handler.py": "mine"}


def test_a_folder_around_the_context_is_copied_without_it(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("inner/x", "")
    monkeypatch.chdir("inner")
    function = StackFunction("g", lang="dockerfile", handler="..")

    assert "inner/x" in tree(create_build_context(function, template, []))


def test_an_earlier_context_is_replaced(template: Template) -> None:
    write("build/f/old", "")

    assert "old" not in tree(create_build_context(FUNCTION, template, []))


def test_extra_paths_are_copied_beside_the_function_s_files(template: Template) -> None:
    write("common/models/a.py", "shared")
    write("version.txt", "1")
    write("f/common/own.py", "own")

    paths = ["common", "./version.txt", "common/../common/models"]
    context = create_build_context(FUNCTION, template, paths)

    assert tree(context / "function") == {
        "handler.py": "mine",
        "helper.py": "of the template",
        "common/models/a.py": "shared",
        "common/own.py": "own",
        "version.txt": "1",
    }


def test_with_a_dockerfile_extra_paths_are_copied_beside_it(template: Template) -> None:
    write("common/a.py", "shared")

    assert tree(create_build_context(DOCKERFILE, template, ["common"])) == {
        "handler.py": "mine",
        "common/a.py": "shared",
    }


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (".", "forbidden path appears to equal the entire project: . ({folder})"),
        ("f/..", "forbidden path appears to equal the entire project: f/.. ({folder})"),
        ("..", "forbidden path appears to be outside of the build context: .. ({folder.parent})"),
        ("/etc", "forbidden path appears to be outside of the build context: /etc (/etc)"),
        ("none", "error copying extra paths: stat {folder}/none: no such file or directory"),
    ],
)
def test_another_extra_path_is_an_error(template: Template, tmp_path: Path, path: str, error: str) -> None:
    with pytest.raises(BuildContextError) as raised:
        create_build_context(FUNCTION, template, [path])

    assert str(raised.value) == error.format(folder=tmp_path)


def test_a_folder_with_a_similar_name_is_outside(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    monkeypatch.chdir("a")

    with pytest.raises(BuildContextError, match="outside of the build context"):
        create_build_context(StackFunction("f", lang="dockerfile", handler="../f"), template, ["../ab"])


def test_symbolic_links_are_followed(template: Template) -> None:
    write("shared/lib.py", "lib")
    Path("f/lib").symlink_to("../shared")
    Path("f/link.py").symlink_to("../shared/lib.py")

    context = create_build_context(DOCKERFILE, template, [])

    assert tree(context) == {"handler.py": "mine", "lib/lib.py": "lib", "link.py": "lib"}
    assert not (context / "lib").is_symlink()


def test_a_broken_link_is_an_error(template: Template) -> None:
    Path("f/gone").symlink_to("nowhere")

    with pytest.raises(BuildContextError, match=r"f/gone: no such file or directory"):
        create_build_context(DOCKERFILE, template, [])


def test_modes_are_kept(template: Template) -> None:
    write("f/run.sh", "#!/bin/sh\n").chmod(0o755)

    context = create_build_context(DOCKERFILE, template, [])

    assert (context / "run.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x"])
def test_a_name_that_is_a_path_deletes_nothing(template: Template, name: str) -> None:
    with pytest.raises(BuildContextError, match="must be a single path component"):
        create_build_context(StackFunction(name, lang="dockerfile", handler="./f"), template, [])

    assert Path("f/handler.py").is_file()


@pytest.mark.parametrize("folder", ["..", "../x", "/tmp/x", "a/../../x"])
def test_a_handler_folder_outside_of_the_context_is_an_error(folder: str) -> None:
    with pytest.raises(BuildContextError, match="must be a relative path within the build context"):
        create_build_context(FUNCTION, Template(Path("template/mine"), handler_folder=folder), [])


def test_up_watch_does_not_see_what_a_build_writes(template: Template) -> None:
    write("stack.yaml", "")
    before = file_states([Path("stack.yaml"), Path()])

    create_build_context(StackFunction("f", lang="dockerfile", handler="."), template, [])
    write(".labkit/state", "")

    assert file_states([Path("stack.yaml"), Path()]) == before
    write("f/new.py", "")
    assert file_states([Path("stack.yaml"), Path()]) != before
