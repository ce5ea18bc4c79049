"""Secrets at OpenFaaS's path, by a mount or by replacing the path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from watchdogs import script, watchdog

from labkit_services.watchdog.secrets import SecretsView

PLACE = Path("/var/openfaas/secrets")
SECRET = b"\0s3cret\n\xff"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "of this function"
    folder.mkdir()
    (folder / "api-key").write_bytes(SECRET)
    return folder


def mounts_are_possible() -> bool:
    """Try to create a namespace in another process."""
    code = (
        "import ctypes, os; exit(ctypes.CDLL(None).unshare(0x00020000 | (0x10000000 if os.getuid() else 0)))"
    )
    return sys.platform.startswith("linux") and subprocess.run([sys.executable, "-c", code]).returncode == 0


needs_mounts = pytest.mark.skipif(not mounts_are_possible(), reason="the system allows no private mounts")


@pytest.mark.parametrize("method", ["rewrite", pytest.param("", marks=needs_mounts)])
def test_the_command_reads_the_secret_byte_for_byte(tmp_path: Path, folder: Path, method: str) -> None:
    settings = {"secrets_folder": str(folder), "secrets_by": method}
    with watchdog(tmp_path, fprocess=f"cat {PLACE}/api-key", **settings) as running:
        assert running.call().body == SECRET
        line = running.logged("Secrets: ")[0]

    assert ("secrets_by=rewrite" in line) == (method == "rewrite")
    assert not PLACE.exists()


@needs_mounts
def test_a_script_sees_the_secrets_and_the_rest_of_the_machine_unchanged(
    tmp_path: Path, folder: Path
) -> None:
    function = script(tmp_path, f'ls {PLACE}; ls -A /var; echo "$secrets_folder"; pwd')
    with watchdog(tmp_path, fprocess=function, secrets_folder=str(folder)) as running:
        result = running.call().body.decode().splitlines()

    assert result[0] == "api-key"
    assert set(os.listdir("/var")) | {"openfaas"} == set(result[1:-2])
    assert result[-2:] == [str(PLACE), os.getcwd()]


def test_without_mounts_the_path_is_replaced_in_the_environment(tmp_path: Path, folder: Path) -> None:
    settings = {
        "secrets_folder": str(folder),
        "secrets_by": "rewrite",
        "key_file": f"{PLACE}/api-key",
        "other": f"{PLACE}-old/api-key",
    }
    function = script(tmp_path, 'cat "$key_file" "$secrets_folder/api-key"; echo "$other"')
    with watchdog(tmp_path, fprocess=function, **settings) as running:
        assert running.call().body == SECRET * 2 + b"/var/openfaas/secrets-old/api-key\n"


def test_two_functions_see_only_their_own_secrets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "secrets").mkdir(parents=True)
        (tmp_path / name / "secrets" / name).write_text(f"of {name}")
    with (
        watchdog(
            tmp_path / "one", fprocess=f"cat {PLACE}/one", secrets_folder=f"{tmp_path}/one/secrets"
        ) as one,
        watchdog(
            tmp_path / "two", fprocess=f"cat {PLACE}/one", secrets_folder=f"{tmp_path}/two/secrets"
        ) as two,
    ):
        assert one.call().body == b"of one"
        assert two.call().status == 500


@needs_mounts
@pytest.mark.skipif(os.getuid() != 0, reason="other users are not root already")
def test_a_user_without_root_can_mount_where_the_system_allows_it(tmp_path: Path) -> None:
    """A process drops root with Python loaded, which may be unreadable then."""
    code = f"""
import ctypes, os, sys, tempfile
from pathlib import Path
from labkit_services.watchdog.private_mount import try_mount
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after an exec: we may write our own /proc
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    Path(folder, "key").write_text("s")
    problem = try_mount(Path(folder), Path("{PLACE}"))
    print(problem or Path("{PLACE}/key").read_text(), os.getuid())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    if "not permitted" in result.stdout or "ermission denied" in result.stdout:
        pytest.skip("no namespaces without root")
    assert result.stdout == "s 65534\n", result.stderr


def test_a_failed_mount_is_not_an_error() -> None:
    code = """
import os
from labkit_services.watchdog.secrets import SecretsView
view = SecretsView.open({"secrets_folder": "/there/is/no/such/folder"})
print(view.obstacle, os.listdir("/var") != [])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "True" in result.stdout
    assert result.stdout.split() != ["True"]


def test_a_function_without_secrets_is_unchanged_and_logs_nothing() -> None:
    view = SecretsView.open({})

    assert view.lines() == []
    assert view.words(["cat", f"{PLACE}/x"]) == ("cat", f"{PLACE}/x")
    assert view.environment({b"a": b"b"}) == {b"a": b"b"}
