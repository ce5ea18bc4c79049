"""Links that open a notebook on Binder, and on a Hub with nbgitpuller; pure.

Sources: BinderHub's ``repoproviders.py`` (forms ``v2/gh``, ``v2/gl`` and
``v2/git``) and its launch page, which appends the decoded ``urlpath`` to the
server's address; nbgitpuller's page of URL options.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from labkit.jupyter.layout import NAME
from labkit_services.contract.errors import InvalidValueError

MYBINDER = "https://mybinder.org"
_HUB_BADGE = "https://img.shields.io/badge/launch-JupyterHub-F37726"
_SSH = ("ssh", "git+ssh")
_SCHEMES = ("https", "http", "git", *_SSH)
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[\w.-]{2,}|\[[^]]+\]):(?P<path>(?!//).+)")
"""git's short form of an SSH address, ``git@host:path``."""
_HOST_AND_PATH = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?/[^:]+")
_PROVIDERS = {"github.com": "gh", "gitlab.com": "gl"}


class Repository(NamedTuple):
    """A repository that a server can clone without a login.

    Attributes:
        provider: Binder's word for its host: ``gh`` (GitHub), ``gl``
            (GitLab.com) or ``git`` (any other).
        url: Its address, without a user or password.
        name: ``ORGANISATION/REPOSITORY``, with GitLab's subgroups.
    """

    provider: str
    url: str
    name: str

    @property
    def folder(self) -> str:
        """The folder into which nbgitpuller clones it."""
        return self.url.rpartition("/")[2]


class Link(NamedTuple):
    """A link as plain URL, as Markdown and as HTML, the latter two a badge."""

    url: str
    markdown: str
    html: str


def parse_repository(address: str) -> Repository:
    """Return the repository of a git remote's address, or ``ORG/REPO``.

    An SSH address becomes its HTTPS form; a user, password or token in it is
    left out.

    Raises:
        InvalidValueError: No server could clone it.
    """
    text = address.strip()
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text) and not text.startswith("."):
        text = f"https://github.com/{text}"
    elif _HOST_AND_PATH.fullmatch(text):
        text = f"https://{text}"
    elif scp := _SCP.fullmatch(text):
        text = f"ssh://{scp['host']}/{quote(scp['path'].lstrip('/'))}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # such as a port that is no number
        raise _not_reachable(address) from None
    name = unquote(parts.path).strip("/")
    if not host or not name or parts.scheme not in _SCHEMES or parts.query or parts.fragment:
        raise _not_reachable(address)
    scheme = parts.scheme
    if scheme in _SSH:
        scheme, port = "https", None  # SSH's port says nothing about HTTPS'
    host = host.removeprefix("www.")
    provider = _PROVIDERS.get(host, "git") if port is None else "git"
    if provider == "git":
        place = f"[{host}]" if ":" in host else host
        return Repository(provider, f"{scheme}://{place}{f':{port}' if port else ''}/{quote(name)}", name)
    name = name.removesuffix(".git")
    if name.count("/") != 1 if provider == "gh" else "/" not in name:
        raise InvalidValueError(
            f"This is not a repository on {host}.",
            expected=f"https://{host}/ORGANISATION/REPOSITORY",
            seen=_without_user(address),
        )
    return Repository(provider, f"https://{host}/{quote(name)}", name)


def binder_link(repository: Repository, ref: str, page: str, binder: str = MYBINDER) -> Link:
    """Return the link that builds and opens the repository on Binder.

    Args:
        repository: Where the notebooks are.
        ref: A tag, commit or branch.
        page: What to open, as ``jupyter_page`` returns it.
        binder: The address of another BinderHub.
    """
    server = check_server(binder)
    spec = {"gh": quote(repository.name), "gl": quote(repository.name, safe="")}
    # The launch page decodes the query once; what it gets has to be a path of
    # a URL, so a notebook's name is quoted twice.
    url = "/".join(
        (server, "v2", repository.provider, spec.get(repository.provider, quote(repository.url, safe="")))
    )
    url += f"/{quote(ref)}?urlpath={quote(page)}"
    return _badge(url, f"{server}/badge_logo.svg", "Binder")


def hub_link(repository: Repository, branch: str, page: str, hub: str) -> Link:
    """Return nbgitpuller's link: clone or update, then open the page.

    Args:
        repository: Where the notebooks are.
        branch: A branch: nbgitpuller merges it at each click.
        page: What to open, inside the repository's folder.
        hub: The Hub's address.
    """
    query = {"repo": repository.url, "branch": branch, "urlpath": page}
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return _badge(f"{check_server(hub)}/hub/user-redirect/git-pull?{text}", _HUB_BADGE, "JupyterHub")


def jupyter_page(path: str, *, workspace: bool) -> str:
    """Return the URL path below a Jupyter server that opens a file.

    Args:
        path: The file, relative to the server's root folder.
        workspace: Whether to open it in the workspace with the split layout.
    """
    return f"lab/{f'workspaces/{NAME}/' if workspace else ''}tree/{_quoted(path)}"


def check_server(address: str) -> str:
    """Return the address of a BinderHub or Hub, without a slash at its end.

    Raises:
        InvalidValueError: It is none.
    """
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username or re.search(r"[\s<>\"'()\\]", address):
        raise InvalidValueError(
            "This is not the address of a server.",
            expected="https://HOST, or https://HOST/PATH",
            seen=_without_user(address),
        )
    return address.rstrip("/")


def _quoted(path: str) -> str:
    # A file's name that is not UTF-8 keeps its bytes.
    return quote(path, errors="surrogateescape")


def _badge(url: str, image: str, name: str) -> Link:
    return Link(
        url,
        f"[![{name}]({image})]({url})",
        f'<a href="{html.escape(url)}"><img src="{html.escape(image)}" alt="{name}"></a>',
    )


def _without_user(address: str) -> str:
    """Return an address without a password or token, to show it."""
    return re.sub(r"(?<=://)[^/@]*@", "", address)


def _not_reachable(address: str) -> InvalidValueError:
    return InvalidValueError(
        "A server could not clone this repository.",
        expected="https://HOST/PATH, git@HOST:PATH or, on GitHub, ORGANISATION/REPOSITORY",
        seen=_without_user(address),
        next_step="name a public repository: labkit binder --repo URL",
    )
