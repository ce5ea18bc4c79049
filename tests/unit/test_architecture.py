"""The rooms of the code: who may import whom, read from the syntax trees.

``docs/architecture.md`` shows the same rules as a table and a picture.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"labkit": ROOT / "labkit", "labkit_services": ROOT / "services/labkit_services"}
NOT_OURS = ("openfaas_cli/faas_cli/template/", "images/files/", "images/bin/")
"""Files that run inside a function: they belong to no room."""

SHARED = {"contract", "call_record", "files", "images"}
"""Rooms of the services that all of labkit may read."""
ALLOWED = {
    # room of labkit: rooms of labkit and of labkit_services that it may import
    "labkit": ({"labkit", "lab", "live"}, SHARED | {"runtime"}),
    "labkit.views": ({"labkit", "views"}, SHARED),
    "labkit.supervisor": (
        {"labkit", "supervisor", "views"},
        SHARED | {"runtime", "fork_server", "jetstream"},
    ),
    "labkit.lifecycle": (
        {"labkit", "lifecycle", "clients", "supervisor", "views"},
        SHARED | {"runtime", "docker_engine", "jetstream"},
    ),
    "labkit.clients": ({"labkit", "clients", "views"}, SHARED | {"jetstream", "runtime"}),
    "labkit.openfaas_cli": (
        {"labkit", "openfaas_cli", "lifecycle", "clients", "views"},
        SHARED | {"runtime", "docker_engine"},
    ),
    "labkit.jupyter": ({"labkit", "jupyter", "lifecycle", "notebook_copies"}, SHARED | {"runtime", "web"}),
    "labkit.notebook_copies": ({"labkit", "notebook_copies"}, SHARED),
    "labkit.remote": (
        {"labkit", "remote", "clients", "views", "lifecycle", "openfaas_cli"},
        SHARED | {"runtime"},
    ),
    "labkit.teaching": ({"labkit", "teaching", "clients", "views"}, SHARED),
    "labkit.live": ({"labkit", "live", "clients", "views"}, SHARED | {"runtime"}),
    "labkit.handlers": (
        {"labkit", "handlers", "clients", "lifecycle", "openfaas_cli"},
        SHARED | {"runtime"},
    ),
    "labkit.lab": (
        {
            *("labkit", "lab", "live", "handlers", "clients", "views", "lifecycle", "supervisor"),
            *("notebook_copies", "remote", "teaching"),
        },
        SHARED | {"runtime"},
    ),
    "labkit.ipython": (
        {"labkit", "ipython", "lab", "handlers", "live", "clients", "views", "teaching"},
        SHARED,
    ),
    "labkit.cli": (
        {
            *("labkit", "cli", "lab", "live", "clients", "views", "lifecycle", "supervisor", "openfaas_cli"),
            *("jupyter", "notebook_copies", "remote", "teaching"),
        },
        SHARED | {"runtime", "docker_engine"},
    ),
    # room of labkit_services: rooms of labkit_services that it may import
    "labkit_services.contract": (set(), {"contract"}),
    "labkit_services.call_record": (set(), {"contract", "call_record"}),
    "labkit_services.files": (set(), {"contract", "files"}),
    "labkit_services.images": (set(), {"contract", "files", "images"}),
    "labkit_services.docker_engine": (set(), {"contract", "docker_engine"}),
    "labkit_services.runtime": (set(), {"contract", "files", "runtime", "http"}),
    "labkit_services.http": (set(), {"contract", "http"}),
    "labkit_services.web": (set(), {"contract", "http", "web"}),
    "labkit_services.jetstream": (set(), SHARED | {"runtime", "jetstream"}),
    "labkit_services.fork_server": (set(), {"contract", "runtime", "fork_server"}),
    "labkit_services.gateway": (
        set(),
        SHARED | {"runtime", "http", "jetstream", "fork_server", "web", "docker_engine", "gateway"},
    ),
    "labkit_services.queue_worker": (set(), SHARED | {"runtime", "http", "jetstream", "queue_worker"}),
    "labkit_services.inspector": (set(), SHARED | {"runtime", "http", "jetstream", "web", "inspector"}),
    "labkit_services.watchdog": (set(), {"contract", "runtime", "http", "watchdog"}),
}
PURE = ("labkit.views", "labkit_services.contract", "labkit_services.call_record")
IO_MODULES = {
    *(
        "asyncio",
        "concurrent",
        "http",
        "httptools",
        "httpx",
        "multiprocessing",
        "nats",
        "select",
        "selectors",
    ),
    *("shutil", "signal", "socket", "socketserver", "ssl", "subprocess", "tempfile", "threading", "urllib"),
    "uvloop",
}
LEARNERS_COPIES = ("labkit.openfaas_cli.faas_cli.template",)


def module_name(path: Path, package: str) -> str:
    relative = path.relative_to(PACKAGES[package].parent).with_suffix("")
    parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
    return ".".join(parts)


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Return every module of both packages with its syntax tree."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            if not any(part in path.as_posix() for part in NOT_OURS):
                found[module_name(path, package)] = path, ast.parse(path.read_text())
    return found


def imports_of(name: str) -> set[str]:
    """Return the modules that a module imports, wherever in it the import stands."""
    known = modules()
    found = set()
    for node in ast.walk(known[name][1]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            base = node.module or ""
            submodules = {f"{base}.{alias.name}" for alias in node.names} & known.keys()
            found |= submodules
            if len(submodules) < len(node.names):
                found.add(base)
    return found


def room_of(name: str) -> str:
    package, _, rest = name.partition(".")
    path = modules()[name][0]
    inside = path.parent != PACKAGES[package]
    return f"{package}.{rest.split('.')[0]}" if inside else package


def ours(names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the package and the room of each imported module that is ours."""
    for name in names:
        package = name.partition(".")[0]
        if package in PACKAGES:
            yield package, room_of(name).partition(".")[2] or package


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_room_imports_only_the_rooms_below_it(name: str) -> None:
    room = room_of(name)
    if room == "labkit_services":
        assert not list(ours(imports_of(name)))
        return
    labkit_rooms, service_rooms = ALLOWED[room]

    for package, imported in ours(imports_of(name)):
        allowed = labkit_rooms if package == "labkit" else service_rooms
        assert imported in allowed, f"{name} imports from {package}.{imported}"


def test_only_the_root_the_command_line_and_ipython_import_the_lab_room() -> None:
    importing = {room_of(name) for name in modules() if ("labkit", "lab") in ours(imports_of(name))}

    assert importing <= {"labkit", "labkit.lab", "labkit.cli", "labkit.ipython"}


@pytest.mark.parametrize("name", [name for name in sorted(modules()) if room_of(name) in PURE])
def test_a_pure_room_does_no_io(name: str) -> None:
    roots = {imported.partition(".")[0] for imported in imports_of(name)}
    calls = {
        node.func.id
        for node in ast.walk(modules()[name][1])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert not roots & IO_MODULES
    assert not calls & {"open", "print", "input"}


def test_there_is_no_import_cycle() -> None:
    graph = {name: {one for one in imports_of(name) if one in modules()} - {name} for name in modules()}
    while leaves := [name for name, imported in graph.items() if not imported]:
        for leaf in leaves:
            del graph[leaf]
        for imported in graph.values():
            imported.difference_update(leaves)

    assert not graph, {name: sorted(imported) for name, imported in graph.items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_says_what_belongs_there(package: str) -> None:
    for folder in {path.parent for path, _ in modules().values() if path.is_relative_to(PACKAGES[package])}:
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))

        assert docstring, folder


def test_class_names_are_unique() -> None:
    homes = defaultdict(list)
    for name, (_, tree) in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)

    assert not {name: found for name, found in homes.items() if len(found) > 1}


def test_a_constructor_has_five_parameters_at_most() -> None:
    long = []
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                arguments = node.args
                count = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs) - 1
                if count > 5:
                    long.append(f"{name}:{node.lineno} has {count}")

    assert not long


def test_every_task_has_a_name() -> None:
    unnamed = []
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "ensure_future" or (
                node.func.attr == "create_task" and not any(word.arg == "name" for word in node.keywords)
            ):
                unnamed.append(f"{name}:{node.lineno}")

    assert not unnamed


NATS_INSIDES = "labkit_services.jetstream.direct_messages"
"""The one module that uses nats-py's private names, with a fallback."""


def test_a_private_attribute_is_only_used_in_its_own_module() -> None:
    foreign = []
    for name, (_, tree) in modules().items():
        if name == NATS_INSIDES:
            continue
        used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        own = {
            node.attr
            for node in used
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        }
        own |= {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        foreign += [
            f"{name}:{node.lineno} {ast.unparse(node)}"
            for node in used
            if re.match("_[a-z]", node.attr) and node.attr not in own | {"_exit", "_asdict", "_replace"}
        ]

    assert not foreign


def test_the_architecture_page_has_one_row_a_folder() -> None:
    rows = (ROOT / "docs/architecture.md").read_text()
    for package, folder in PACKAGES.items():
        for room in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
            shown = room.relative_to(ROOT).as_posix()
            assert f"| `{shown}/` |" in rows, f"{package}: {shown}"


def test_no_module_uses_except_star() -> None:
    # What such a block raises is a group again in Python 3.11.2, Debian 12's.
    users = [
        name
        for name, (_, tree) in modules().items()
        if any(isinstance(n, ast.TryStar) for n in ast.walk(tree))
    ]

    assert not users
