"""Sources of templates, and the file template.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli.template_pull import TemplatePullError, TemplateSource, parse_source
from labkit.openfaas_cli.faas_cli.templates import Template, TemplateError, read_template


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("https://example.org/a/b.git", TemplateSource("https://example.org/a/b.git", "")),
        ("https://example.org/a/b#v1", TemplateSource("https://example.org/a/b", "v1")),
        ("git@example.org:a/b.git#main", TemplateSource("git@example.org:a/b.git", "main")),
        ("ssh://git@example.org/a", TemplateSource("ssh://git@example.org/a", "")),
        ("{folder}", TemplateSource("{folder}", "")),
        ("{folder}#v1", TemplateSource("{folder}", "v1")),
    ],
)
def test_a_source_is_a_url_or_a_folder_with_an_optional_ref(
    text: str, source: TemplateSource, tmp_path: Path
) -> None:
    expected = TemplateSource(source.repository.format(folder=tmp_path), source.ref)

    assert parse_source(text.format(folder=tmp_path)) == expected


@pytest.mark.parametrize("text", ["no-such-folder", "no-such-folder#v1", "ftp://example.org/a", "-u#v1"])
def test_another_source_is_refused(text: str) -> None:
    with pytest.raises(TemplatePullError, match="must be a valid git repo uri"):
        parse_source(text)


def test_a_template_names_process_folder_options_and_notes(tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text(
        "language: x\nfprocess: python3 index.py\nhandler_folder: src\nwelcome_message: |\n  Hello\n"
        "build_options:\n  - name: dev\n    packages: [make, gcc]\n"
    )

    assert read_template(tmp_path) == Template(
        tmp_path, "python3 index.py", "Hello\n", "src", {"dev": ["make", "gcc"]}
    )


@pytest.mark.parametrize("text", ["language: x", "", "fprocess: ~"])
def test_what_a_template_does_not_name_is_empty(text: str, tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text(text)

    assert read_template(tmp_path) == Template(tmp_path)


@pytest.mark.parametrize("text", ["- a list", "{", "text"])
def test_an_invalid_template_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text(text)

    with pytest.raises(TemplateError, match=r"^yaml: "):
        read_template(tmp_path)
