"""Links for Binder and nbgitpuller, read back as those servers read them."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from labkit.cli.binder_links import (
    Link,
    Repository,
    binder_link,
    check_server,
    hub_link,
    jupyter_page,
    parse_repository,
)
from labkit_services.contract.errors import InvalidValueError

ODD = "notebooks/zh/练习 #1 100% (a&b)?;[x]+'\"<é>.ipynb"


@pytest.mark.parametrize(
    ("address", "provider", "url"),
    [
        ("an-org/labkit", "gh", "https://github.com/an-org/labkit"),
        ("https://github.com/an-org/labkit", "gh", "https://github.com/an-org/labkit"),
        ("https://github.com/an-org/lab.kit.git/", "gh", "https://github.com/an-org/lab.kit"),
        ("https://www.github.com/an-org/labkit", "gh", "https://github.com/an-org/labkit"),
        ("https://GitHub.com/an-org/labkit", "gh", "https://github.com/an-org/labkit"),
        ("github.com/an-org/labkit", "gh", "https://github.com/an-org/labkit"),
        ("git@github.com:an-org/labkit.git", "gh", "https://github.com/an-org/labkit"),
        ("ssh://git@github.com:22/an-org/labkit.git", "gh", "https://github.com/an-org/labkit"),
        ("https://gitlab.com/a/b/c/labkit.git", "gl", "https://gitlab.com/a/b/c/labkit"),
        ("git@gitlab.com:a/b/labkit.git", "gl", "https://gitlab.com/a/b/labkit"),
        ("https://git.example.org/x/labkit.git", "git", "https://git.example.org/x/labkit.git"),
        ("git@git.example.org:x/labkit.git", "git", "https://git.example.org/x/labkit.git"),
        ("ssh://git@git.example.org:2222/x/labkit", "git", "https://git.example.org/x/labkit"),
        ("https://git.example.org:8443/labkit", "git", "https://git.example.org:8443/labkit"),
        ("http://[::1]:3000/x/y", "git", "http://[::1]:3000/x/y"),
        ("https://git.example.org/~me/my%20lab", "git", "https://git.example.org/~me/my%20lab"),
        ("git@git.example.org:~me/my lab#2.git", "git", "https://git.example.org/~me/my%20lab%232.git"),
        ("git@git.example.org:/srv/git/labkit.git", "git", "https://git.example.org/srv/git/labkit.git"),
    ],
)
def test_a_remotes_address_becomes_one_that_a_server_can_clone(address: str, provider: str, url: str) -> None:
    repository = parse_repository(address)

    assert (repository.provider, repository.url) == (provider, url)


@pytest.mark.parametrize(
    "address",
    ["https://jo:s3cret@github.com/an-org/labkit", "https://s3cret@git.example.org/an-org/labkit.git"],
)
def test_a_token_in_the_address_is_not_passed_on(address: str) -> None:
    repository = parse_repository(address)

    assert "s3cret" not in str(repository)
    assert "s3cret" not in str(binder_link(repository, "v1", "lab"))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            " ",
            "labkit",
            "/srv/git/labkit",
            "../labkit",
            "./labkit",
            "file:///srv/git/labkit",
            "C:\\labkit",
        ),
        *("https://github.com", "https://github.com/an-org", "https://github.com/an-org/labkit/tree/main"),
        *("https://gitlab.com/labkit", "https://example.org", "https://example.org:x/a/b", "ftp://h.org/a/b"),
        *("https://example.org/a/b?token=s3cret", "https://jo:s3cret@github.com/labkit", "https://[::1/a/b"),
    ],
)
def test_an_address_that_no_server_can_clone_is_refused(address: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_repository(address)

    assert refused.value.expected
    assert "jo:s3cret" not in str(refused.value)


def as_binder_reads(link: Link) -> tuple[str, str, str, str]:
    """Return provider, repository, ref and page, as BinderHub takes them from the address."""
    parts = urlsplit(link.url)
    provider, _, spec = parts.path.removeprefix("/v2/").partition("/")
    if provider == "gh":
        organisation, repository, ref = spec.split("/", 2)
        name = f"{organisation}/{repository}"
    else:
        name, ref = spec.split("/", 1)
    ((page,),) = parse_qs(parts.query, strict_parsing=True).values()
    assert parts.fragment == ""
    return provider, unquote(name), unquote(ref), page


@pytest.mark.parametrize("ref", ["v1.0", "feature/a b", "höhe#1", "100%", "0" * 40])
@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("an-org/labkit", ("gh", "an-org/labkit")),
        ("https://gitlab.com/a/b/labkit", ("gl", "a/b/labkit")),
        ("git@git.example.org:x/my lab.git", ("git", "https://git.example.org/x/my%20lab.git")),
    ],
)
def test_binder_reads_what_was_meant(address: str, read: tuple[str, str], ref: str) -> None:
    link = binder_link(parse_repository(address), ref, jupyter_page(ODD, workspace=False))

    assert link.url.isascii()
    provider, repository, read_ref, page = as_binder_reads(link)
    assert (provider, repository) == read
    assert read_ref == ref
    assert opened_by(page, "/user/x/") == f"lab/tree/{ODD}"


def opened_by(page: str, base: str) -> str:
    """Return the path that JupyterLab gets when a server appends ``page`` to its address."""
    parts = urlsplit(f"https://hub.example.org{base}{page}")
    assert (parts.query, parts.fragment) in (("", ""), ("autodecode", ""))
    return unquote(parts.path).removeprefix(base)


def test_the_split_layout_has_a_workspace_of_its_own() -> None:
    page = jupyter_page("notebooks/en/01.ipynb", workspace=True)

    assert page == "lab/workspaces/labkit/tree/notebooks/en/01.ipynb"


def test_nbgitpuller_reads_what_was_meant() -> None:
    repository = parse_repository("git@git.example.org:x/my lab.git")
    # nbgitpuller clones into the last part of the address, as it is.
    page = jupyter_page(f"{repository.folder}/{ODD}", workspace=False) + "?autodecode"

    link = hub_link(repository, "course/2026 #1", page, "https://hub.example.edu/jupyter/")

    parts = urlsplit(link.url)
    read = parse_qs(parts.query, strict_parsing=True)
    assert parts.path == "/jupyter/hub/user-redirect/git-pull"
    assert read["repo"] == ["https://git.example.org/x/my%20lab.git"]
    assert read["branch"] == ["course/2026 #1"]
    assert opened_by(read["urlpath"][0], "/user/jo/") == f"lab/tree/my%20lab.git/{ODD}"


def test_a_file_name_that_is_not_utf8_keeps_its_bytes() -> None:
    assert jupyter_page("caf\udce9.ipynb", workspace=False) == "lab/tree/caf%E9.ipynb"


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_markdown_and_html_hold_the_same_link() -> None:
    repository = Repository("gh", "https://github.com/an-org/labkit", "an-org/labkit")
    link = hub_link(repository, "main", jupyter_page(ODD, workspace=True), "https://hub.example.edu")

    elements = _Elements()
    elements.feed(link.html)

    (_, anchor), (_, image) = elements.found
    assert anchor == {"href": link.url}
    assert image["alt"] == "JupyterHub"
    assert link.markdown == f"[![JupyterHub]({image['src']})]({link.url})"
    assert not set(link.url) & set(" ()<>\"'[]\\")


@pytest.mark.parametrize("address", ["https://hub.example.edu/", "https://hub.example.edu/jupyter"])
def test_a_servers_address_is_taken_with_or_without_a_slash(address: str) -> None:
    assert check_server(address) == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        *("", "hub.example.edu", "ftp://hub.example.edu", "https://", "https://hub.example.edu/?next=x"),
        *("https://hub.example.edu/a b", "https://hub.example.edu/)", "https://h:x", "https://u:p@h.org"),
    ],
)
def test_what_is_no_servers_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidValueError, match=r"expected: https://HOST"):
        check_server(address)
