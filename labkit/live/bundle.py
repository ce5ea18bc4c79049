"""Several ES modules as one, without a build tool.

A widget's script is one text. Each module becomes a function's scope in it,
behind those that it imports. The source stays readable in the browser's
tools, and no module needs an address of its own: the script itself has none
that a relative import could start from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from labkit.errors import LabError

_IMPORT = re.compile(r"^import\s+(?:([^;\"']+?)\s+from\s+)?[\"']([^\"']+)[\"'];?", re.M)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const)\s+([\w$]+))", re.M)
_EXPORT_LIST = re.compile(r"^export\s*\{([^}]*)\}(?:\s*from\s*[\"']([^\"']+)[\"'])?;?", re.M)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*|^.*\bimport\.meta\b.*|^.*(?<![\w.])import\(.*", re.M)
_NAMES = re.compile(r"\{([^}]*)\}$|\*\s+as\s+([\w$]+)$")


class BundleError(LabError):
    """A module of a live view can't be put into its script."""


@cache
def bundled(root: Path, *entries: str) -> str:
    """Return modules, by their paths below ``root``, as one expression.

    Its value is an array with an object for each entry: what it exports. A
    module runs once, however many import it.

    Modules are written as everywhere in this project: imports and exports
    begin a line; functions, classes and constants are exported, by name.

    Raises:
        BundleError: A file is missing, modules import each other in a
            circle, or one uses what has no place in such a script.
    """
    order: dict[str, str] = {}
    for entry in entries:
        _add(root, PurePosixPath(entry), (), order)
    names = {path: f"$module{number}" for number, path in enumerate(order)}
    scopes = [
        f"// {path}\nconst {names[path]} = (() => {{\n{_Scope(path, text, names).text()}\n}})();"
        for path, text in order.items()
    ]
    return (
        "(() => {\n"
        + "\n".join(scopes)
        + f"\nreturn [{', '.join(names[entry] for entry in entries)}];\n}})()"
    )


def _add(root: Path, path: PurePosixPath, above: tuple[str, ...], order: dict[str, str]) -> None:
    name = path.as_posix()
    if name in order:
        return
    if name in above:
        circle = " imports ".join((*above[above.index(name) :], name))
        raise BundleError(expected="imports without a circle", seen=circle)
    try:
        text = (root / name).read_text("utf-8")
    except FileNotFoundError:
        by = f", which {above[-1]} imports" if above else ""
        raise BundleError(expected=f"the file {name}{by}", seen=f"no such file in {root}") from None
    for imported in _imported(text):
        _add(root, _resolve(path, imported), (*above, name), order)
    order[name] = text


def _imported(text: str) -> Iterator[str]:
    for match in _IMPORT.finditer(text):
        yield match[2]
    for match in _EXPORT_LIST.finditer(text):
        if match[2]:
            yield match[2]


def _resolve(path: PurePosixPath, imported: str) -> PurePosixPath:
    if not imported.startswith("."):
        raise BundleError(
            expected="imports with relative paths", seen=f"{path.as_posix()} imports {imported!r}"
        )
    parts = list(path.parent.parts)
    for part in PurePosixPath(imported).parts:
        if part == "..":
            if not parts:
                raise BundleError(
                    expected="imports below one folder", seen=f"{path.as_posix()} imports {imported!r}"
                )
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


class _Scope:
    """A module's source as a function's body, which returns its exports."""

    def __init__(self, path: str, text: str, names: dict[str, str]) -> None:
        self._path = PurePosixPath(path)
        self._source = text
        self._names = names
        self._exports: list[str] = []

    def text(self) -> str:
        """Return the body."""
        text = _IMPORT.sub(self._import, self._source)
        text = _EXPORT_LIST.sub(self._export_list, text)
        text = _EXPORT.sub(self._export, text)
        if left := _LEFT_OVER.search(_without_comments(text)):
            raise BundleError(
                expected="imports and exports by name, of functions, classes and constants",
                seen=f"{self._path.as_posix()}: {left[0].strip()[:100]}",
            )
        return f"{text}\nreturn {{ {', '.join(self._exports)} }};"

    def _module(self, imported: str) -> str:
        return self._names[_resolve(self._path, imported).as_posix()]

    def _import(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return ""  # for its effects: it has run before
        names = _NAMES.match(match[1].strip())
        if names is None:
            raise BundleError(
                expected="imports by name", seen=f"{self._path.as_posix()}: {match[0].strip()[:100]}"
            )
        if names[2]:
            return f"const {names[2]} = {self._module(match[2])};"
        pairs = (_renamed(one) for one in names[1].split(",") if one.strip())
        return f"const {{ {', '.join(f'{a}: {b}' for a, b in pairs)} }} = {self._module(match[2])};"

    def _export(self, match: re.Match[str]) -> str:
        self._exports.append(match[1])
        return ""

    def _export_list(self, match: re.Match[str]) -> str:
        source = f"{self._module(match[2])}." if match[2] else ""
        for one in match[1].split(","):
            if one.strip():
                inside, outside = _renamed(one)
                self._exports.append(f"{outside}: {source}{inside}")
        return ""


def _renamed(one: str) -> tuple[str, str]:
    """Return both names of ``a as b``, or one twice."""
    inside, _, outside = (part.strip() for part in one.partition(" as "))
    return inside, outside or inside


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*", "", text, flags=re.M | re.S)
