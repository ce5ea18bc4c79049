"""What a git checkout says about itself, without a network."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Literal, NamedTuple

from labkit_services.contract.errors import InvalidValueError

RefKind = Literal["tag", "commit", "branch", "unknown"]

_SECONDS = 10.0
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_NEXT = "name the repository: labkit binder --repo URL --ref TAG"


class Ref(NamedTuple):
    """A name of a commit.

    Attributes:
        name: A tag, a whole commit id or a branch.
        kind: Which of them; "unknown" if no checkout can tell.
        commit: The commit's id; "" if unknown.
        is_pushed: Whether a remote has the commit, as far as the checkout
            knows from its last fetch or push.
    """

    name: str
    kind: RefKind
    commit: str = ""
    is_pushed: bool = True


class GitCheckout:
    """The checkout that a folder belongs to."""

    def __init__(self, folder: Path) -> None:
        """Find it.

        Raises:
            InvalidValueError: The folder belongs to none, or git is missing.
        """
        self.root = folder
        top = self._read("rev-parse", "--show-toplevel")
        if not top:
            raise InvalidValueError(
                "The repository to open is not known.",
                expected="a git checkout, with a remote",
                seen=f"{folder}, which belongs to no checkout",
                next_step=_NEXT,
            )
        self.root = Path(top)

    def remote(self) -> tuple[str, str]:
        """Return name and address of ``origin``, or of the only remote.

        Raises:
            InvalidValueError: There is none, or several without ``origin``.
        """
        names = self._read("remote").splitlines()
        name = "origin" if "origin" in names else names[0] if len(names) == 1 else ""
        if not name:
            raise InvalidValueError(
                "The repository to open is not known.",
                expected="a remote called origin, or a single one (git remote)",
                seen=f"{self.root} has {', '.join(sorted(names)) or 'no remote'}",
                next_step=_NEXT,
            )
        return name, self._read("remote", "get-url", name)

    def head(self) -> Ref:
        """Return the tag at HEAD; else its branch; else the commit.

        Raises:
            InvalidValueError: Nothing is committed yet.
        """
        commit = self._read("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if not commit:
            raise InvalidValueError(
                "There is nothing to open yet.",
                expected="a commit",
                seen=f"{self.root} has none",
                next_step="git commit, then git push",
            )
        tags = self._read("tag", "--points-at", "HEAD", "--sort=-version:refname").splitlines()
        branch = self.branch()
        if tags:
            return self._ref(tags[0], "tag", commit)
        return self._ref(branch or commit, "branch" if branch else "commit", commit)

    def branch(self) -> str:
        """Return the current branch; "" if none is checked out."""
        return self._read("symbolic-ref", "--quiet", "--short", "HEAD")

    def ref(self, name: str) -> Ref:
        """Return what a name means here.

        A part of a commit's id becomes the whole of it.
        """
        commit = self._read("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not commit:
            return describe_ref(name)
        if self._read("for-each-ref", f"refs/tags/{name}"):
            return self._ref(name, "tag", commit)
        if self._read("for-each-ref", f"refs/heads/{name}", f"refs/remotes/*/{name}") or name == "HEAD":
            return self._ref(name, "branch", commit)
        return self._ref(commit, "commit", commit)

    def has(self, commit: str, path: str) -> bool:
        """Return whether a commit has a file."""
        return self._read("cat-file", "-t", f"{commit}:{path}") == "blob"

    def _ref(self, name: str, kind: RefKind, commit: str) -> Ref:
        pushed = self._read("branch", "--remotes", "--contains", commit, "--format=%(refname)")
        return Ref(name, kind, commit, bool(pushed))

    def _read(self, *arguments: str) -> str:
        """Return git's output; "" if it fails."""
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - the user's git, arguments without a shell
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InvalidValueError(
                "git could not be asked for the repository.",
                expected="git on the PATH, and an answer",
                seen=str(error),
                next_step=_NEXT,
            ) from None
        return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def describe_ref(name: str) -> Ref:
    """Return what a name looks like, when no checkout knows it."""
    if _COMMIT.fullmatch(name):
        return Ref(name, "commit", name)
    return Ref(name, "branch" if name in ("HEAD", "main", "master") else "unknown")
