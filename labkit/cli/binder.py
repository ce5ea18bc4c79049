"""``labkit binder``: links and badges that open a notebook on a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from labkit.cli.attached import json_option, show_json
from labkit.cli.binder_links import (
    MYBINDER,
    Link,
    Repository,
    binder_link,
    check_server,
    hub_link,
    jupyter_page,
    parse_repository,
)
from labkit.cli.git_checkout import GitCheckout, Ref, describe_ref
from labkit.notebook_copies.copies import copy_path
from labkit.pristine_notebooks import notebooks_folder
from labkit.workspace import Workspace
from labkit_services.contract.errors import InvalidValueError

_HOSTS = {"gh": "GitHub", "gl": "GitLab", "git": "any git host"}
_COMMIT_ID_LENGTH = 40


@click.command()
@click.option(
    "--repo", default="", help="Its address, or ORG/REPO on GitHub; by default the checkout's remote."
)
@click.option("--ref", default="", help="Tag, commit or branch; by default the tag at HEAD, else the branch.")
@click.option("--notebook", default="00", show_default=True, help="Its name, the start of it, or its path.")
@click.option("--language", default="en", show_default=True, help="Language of the notebook.")
@click.option("--binder", "server", default=MYBINDER, show_default=True, help="Address of the BinderHub.")
@click.option("--hub", default="", help="Address of a JupyterHub: adds a link for nbgitpuller.")
@click.option("--branch", default="", help="Branch that nbgitpuller pulls; by default the current one.")
@click.option(
    "--workspace/--no-workspace", "split", default=True, help="Open it beside the lab's page, or alone."
)
@json_option
@click.pass_obj
def binder(
    workspace: Workspace,
    /,
    repo: str,
    ref: str,
    notebook: str,
    language: str,
    server: str,
    hub: str,
    branch: str,
    split: bool,
    as_json: bool,
) -> None:
    """Print links and badges that open a notebook on Binder or a Hub.

    Nothing is sent: whether the server can open it is not checked.
    """
    source = _find_source(workspace.root, repo, ref)
    path = _find_notebook(source, notebook, language)
    check_server(server)
    links = {"Binder": _binder_link(source, path, server, split=split)}
    if hub:
        links["nbgitpuller"] = _hub_link(source, path, hub, branch, split=split)
    warnings = list(_warnings(source, path))
    if as_json:
        show_json(
            {
                "repository": source.repository.url,
                "provider": source.repository.provider,
                "ref": source.ref.name,
                "kind": source.ref.kind,
                "notebook": path,
                "warnings": warnings,
                **{name.lower(): link._asdict() for name, link in links.items()},
            }
        )
        return
    click.echo(f"{source.repository.url} ({_HOSTS[source.repository.provider]})")
    click.echo(f"{_KINDS[source.ref.kind]} {source.ref.name}, {path}")
    for name, link in links.items():
        click.echo(_text(name, link))
    for warning in warnings:
        click.echo(f"\nwarning: {warning}", err=True)


_KINDS = {"tag": "tag", "commit": "commit", "branch": "branch", "unknown": "ref"}


class _Source(NamedTuple):
    """A repository, and the checkout of it if there is one here."""

    repository: Repository
    ref: Ref
    checkout: GitCheckout | None


def _find_source(folder: Path, address: str, name: str) -> _Source:
    repository = parse_repository(address) if address else None
    try:
        checkout = GitCheckout(folder)
        own = parse_repository(checkout.remote()[1])
    except InvalidValueError:
        if repository is None:
            raise
    else:
        if repository in (None, own):
            return _checked(_Source(own, checkout.ref(name) if name else checkout.head(), checkout))
    assert repository is not None
    return _checked(_Source(repository, describe_ref(name or "HEAD"), None))


def _checked(source: _Source) -> _Source:
    name, kind = source.ref.name, source.ref.kind
    if source.repository.provider == "git" and kind == "commit" and len(name) != _COMMIT_ID_LENGTH:
        raise InvalidValueError(
            "Binder does not know this commit.",
            expected=f"its whole id, {_COMMIT_ID_LENGTH} digits, on a host other than GitHub and GitLab",
            seen=name,
        )
    return source


def _find_notebook(source: _Source, name: str, language: str) -> str:
    """Return the path of a notebook, relative to the repository.

    Raises:
        InvalidValueError: No notebook, or more than one, has that name.
    """
    root = source.checkout.root.resolve() if source.checkout else notebooks_folder().parent
    file = (root / name).resolve()
    if source.checkout and file.suffix == ".ipynb" and file.is_file() and file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    folder = root / "notebooks"
    languages = sorted(each.name for each in folder.glob("[!.]*") if any(each.glob("*.ipynb")))
    if language not in languages:
        raise InvalidValueError(
            "There are no notebooks in this language.",
            expected=f"one of: {', '.join(languages)}" if languages else f"notebooks in {folder}",
            seen=language,
        )
    known = sorted(each.stem for each in (folder / language).glob("[!.]*.ipynb"))
    wanted = name.removeprefix(f"notebooks/{language}/").removesuffix(".ipynb")
    found = [wanted] if wanted in known else [stem for stem in known if wanted and stem.startswith(wanted)]
    if len(found) != 1:
        raise InvalidValueError(
            "There are several such notebooks." if found else "There is no such notebook.",
            expected=f"one of: {', '.join(found or known)}",
            seen=name,
        )
    return f"notebooks/{language}/{found[0]}.ipynb"


def _binder_link(source: _Source, path: str, server: str, *, split: bool) -> Link:
    # In the layout, learners work on copies, which every launch makes.
    copy = copy_path(path.removeprefix("notebooks/")) if split and path.startswith("notebooks/") else None
    page = jupyter_page(copy or path, workspace=split)
    return binder_link(source.repository, source.ref.name, page, server)


def _hub_link(source: _Source, path: str, hub: str, branch: str, *, split: bool) -> Link:
    page = jupyter_page(f"{source.repository.folder}/{path}", workspace=split)
    # nbgitpuller's documentation has it for pages of no workspace.
    page += "" if split else "?autodecode"
    return hub_link(source.repository, _find_branch(source, branch), page, hub)


def _find_branch(source: _Source, branch: str) -> str:
    if branch:
        return branch
    if source.checkout and (current := source.checkout.branch()):
        return current
    if source.ref.kind == "branch" and source.ref.name != "HEAD":
        return source.ref.name
    raise InvalidValueError(
        "nbgitpuller needs a branch.",
        expected="a branch that is checked out here, or --branch",
        seen=f"{_KINDS[source.ref.kind]} {source.ref.name}",
        next_step="labkit binder --hub URL --branch NAME",
    )


def _warnings(source: _Source, path: str) -> Iterator[str]:
    ref = source.ref
    if ref.kind in ("branch", "unknown"):
        is_branch = "is" if ref.kind == "branch" else "may be"
        yield (
            f"{ref.name} {is_branch} a branch: after each push Binder builds another image, for minutes, and "
            "learners get what was pushed last. For a class, pin a tag or a commit: "
            f"--ref {ref.commit or 'TAG'}"
        )
    if not ref.is_pushed:
        yield f"commit {ref.commit} is on no branch of a remote, as far as this checkout knows: git push"
    if source.checkout and ref.commit and not source.checkout.has(ref.commit, path):
        yield f"{ref.name} does not have {path}: git add, commit and push it"


def _text(name: str, link: Link) -> str:
    rows = [("URL", link.url), ("Markdown", link.markdown), ("HTML", link.html)]
    return "\n".join([f"\n{name}", *(f"  {label:<8}  {value}" for label, value in rows)])
