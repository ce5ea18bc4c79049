"""Which gateway a command uses, and with which password."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli import gateway as gateways
from labkit.openfaas_cli.faas_cli import login_store, main
from labkit.openfaas_cli.faas_cli.gateway import Gateway, choose_url, normalise_url
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, GLOBAL_FLAGS, TLS
from labkit.openfaas_cli.pflag import parse
from labkit.openfaas_cli.real_program import find_real
from labkit.supervisor.service_specs import ServiceSpecs
from labkit.supervisor.settings import Settings
from labkit.workspace import LabState, Workspace

DEFAULT = "http://127.0.0.1:8080"


def state(url: str) -> LabState:
    return LabState(1, "run", url, "", "", "", "", "admin", "secret", "", "", 0)


@pytest.mark.parametrize(
    ("flag", "stack", "environment", "lab", "expected"),
    [
        (DEFAULT, "", "", "", DEFAULT),
        (DEFAULT, DEFAULT, "", "http://lab:1", "http://lab:1"),
        (DEFAULT, DEFAULT, "http://env", "http://lab:1", "http://env"),
        (DEFAULT, "http://stack", "http://env", "http://lab:1", "http://stack"),
        ("http://flag", "http://stack", "http://env", "http://lab:1", "http://flag"),
        ("", "", "http://env/", "", "http://env"),
        # Only exactly this spelling of the default counts as not given; the lab takes its place.
        (f"{DEFAULT}/", "http://stack", "http://env", "", DEFAULT),
        (DEFAULT, f"{DEFAULT}/", "http://env", "", DEFAULT),
        (f"{DEFAULT}/", f"{DEFAULT}/", "", "http://lab:1", "http://lab:1"),
        (DEFAULT, "", DEFAULT, "http://lab:1", DEFAULT),
        # Another name for the same address is another URL, in the real one too.
        ("http://localhost:8080", "", "http://env", "", "http://localhost:8080"),
    ],
)
@pytest.mark.row("4.1 gateway")
def test_flag_stack_environment_lab_default_is_the_order(
    flag: str, stack: str, environment: str, lab: str, expected: str
) -> None:
    assert choose_url(flag=flag, stack=stack, environment=environment, lab=lambda: lab) == expected


FLAG, STACK_URL, VARIABLE, LAB = (f"http://127.0.0.1:{port}" for port in (1, 2, 3, 4))
USES_STACK = {
    "list": ["list"],
    "describe": ["describe", "f"],
    "ready": ["ready", "--attempts=1", "--interval=0s"],
    "ready f": ["ready", "f", "--attempts=1", "--interval=0s"],
    "remove": ["remove"],
    "deploy": ["deploy"],
    "invoke": ["invoke", "f"],
    "logs": ["logs", "f", "-t=false"],
    "namespace list": ["namespace", "list"],
}
IGNORES_STACK = {
    "remove f": ["remove", "f"],
    "login": ["login", "-p", "x"],
    "secret list": ["secret", "list"],
    "store deploy": ["store", "deploy", "figlet"],
}


@pytest.mark.parametrize("verb", [*USES_STACK, *IGNORES_STACK, "logout"])
@pytest.mark.parametrize("flag", ["", FLAG, DEFAULT])
@pytest.mark.parametrize("stack", ["", STACK_URL, DEFAULT])
@pytest.mark.parametrize("variable", ["", VARIABLE])
@pytest.mark.row("4.1 gateway")
def test_the_gateway_of_every_verb(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    verb: str,
    flag: str,
    stack: str,
    variable: str,
) -> None:
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    monkeypatch.setenv("FAAS_DEBUG", "1")  # prints the request's URL
    monkeypatch.setenv("OPENFAAS_URL", variable)
    Path("stack.yaml").write_text(
        f"provider: {{name: openfaas, gateway: '{stack}'}}\n"
        "functions: {f: {lang: dockerfile, handler: ./f, image: me/f}}\n"
    )
    login_store.folder().mkdir()
    (login_store.folder() / "config.yml").touch()
    words = {**USES_STACK, **IGNORES_STACK, "logout": ["logout"]}[verb]

    with workspace.lock(), Path("stack.yaml").open() as source:
        monkeypatch.setattr("sys.stdin", source)
        workspace.write_state(state(LAB))
        main([*words, *(["-g", flag] if flag else [])])

    chosen = [url for url in (flag, stack if verb in USES_STACK else "") if url not in ("", DEFAULT)]
    expected = [*chosen, *filter(None, [variable]), LAB][0]
    if verb == "logs" and flag == DEFAULT:
        expected = DEFAULT  # the only verb for which the default's URL counts as given
    seen = capsys.readouterr()
    requested = set(re.findall("^[A-Z]+ (http://[^/]*)/", seen.err, re.MULTILINE))
    assert requested == (set() if verb == "logout" else {expected})
    assert verb != "logout" or seen.out == f"Gateway {expected} not found in config\n"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Gateway.Example:80/", "http://gateway.example:80"),
        ("gateway:8080", "http://gateway:8080"),
        ("https://gateway/path/", "https://gateway/path"),
    ],
)
@pytest.mark.row("4.1 gateway")
def test_a_url_is_normalised(url: str, expected: str) -> None:
    assert normalise_url(url) == expected


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that the test can lock as a supervisor does."""
    workspace = Workspace(tmp_path)
    workspace.folder.mkdir()
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("OPENFAAS_URL", raising=False)
    return workspace


def gateway(*arguments: str) -> Gateway:
    return Gateway.of(parse([GATEWAY, TLS, *GLOBAL_FLAGS], arguments))


def test_the_running_lab_is_found_through_its_state_file(workspace: Workspace) -> None:
    with workspace.lock():
        workspace.write_state(state("http://127.0.0.1:45678"))

        assert gateway().url == "http://127.0.0.1:45678"
        assert gateway("-g", "http://other:1").url == "http://other:1"


def test_a_lab_that_is_gone_is_not_used(workspace: Workspace) -> None:
    workspace.lock_file.touch()
    workspace.write_state(state("http://127.0.0.1:45678"))

    assert gateway().url == DEFAULT


def test_the_lab_password_is_sent_to_the_lab_only(workspace: Workspace) -> None:
    with workspace.lock():
        workspace.write_state(state("http://127.0.0.1:45678"))

        sent = Gateway("http://localhost:45678").authorization()
        assert base64.b64decode(sent.removeprefix("Basic ")) == b"admin:secret"
        assert Gateway("http://127.0.0.1:9").authorization() == "Bearer"
        assert Gateway("http://gateway.example:45678").authorization() == "Bearer"


ADMIN = login_store.encode("admin", "pass")
OTHER = login_store.encode("other", "pass")


@pytest.mark.parametrize(
    ("url", "finds"),
    [
        ("http://gateway.example:8080", True),
        ("HTTP://Gateway.Example:8080//", True),
        ("gateway.example:8080", True),
        ("https://gateway.example:8080", False),
        ("http://gateway.example", False),
        ("http://gateway.example:8080/path", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.1:8080", False),
    ],
)
@pytest.mark.row("4.1 login store")
def test_a_saved_login_is_used_only_for_exactly_its_normalised_url(
    workspace: Workspace, url: str, finds: bool
) -> None:
    login_store.save("http://gateway.example:8080", ADMIN)

    assert Gateway(normalise_url(url)).authorization() == (f"Basic {ADMIN}" if finds else "Bearer")


def test_localhost_and_127_0_0_1_have_logins_of_their_own(workspace: Workspace) -> None:
    login_store.save("http://localhost:8080", ADMIN)
    login_store.save("http://127.0.0.1:8080", OTHER)

    assert Gateway(normalise_url("http://localhost:8080/")).authorization() == f"Basic {ADMIN}"
    assert Gateway(normalise_url("http://127.0.0.1:8080/")).authorization() == f"Basic {OTHER}"


@pytest.mark.parametrize(
    ("login", "token", "sent"),
    [
        ("", "", "Bearer"),
        ("", "JWT", "Bearer JWT"),
        ("{gateway: http://a, auth: basic, token: MTo=}", "", "Basic MTo="),
        ("{gateway: http://a, auth: basic, token: MTo=}", "JWT", "Basic MTo="),
        ("{gateway: http://a, auth: oauth2, token: ID}", "", "Bearer ID"),
        ("{gateway: http://a, auth: oauth2, token: ID}", "JWT", "Bearer JWT"),
        ("{gateway: http://a, token: ID}", "", "Bearer ID"),
        ("{gateway: http://a}", "", "Bearer"),
        ("{auth: basic, token: 1}", "", "Bearer"),
        ("{gateway: http://a/, auth: basic, token: 1}", "", "Bearer"),
        ("{gateway: http://a, auth: basic, token: MTo=}, {gateway: http://a, token: 2}", "", "Basic MTo="),
        ("{gateway: http://a, token: 2}, {gateway: http://a, auth: basic, token: MTo=}", "", "Bearer 2"),
    ],
)
def test_the_first_login_of_a_gateway_is_sent_and_a_password_before_a_token(
    workspace: Workspace, login: str, token: str, sent: str
) -> None:
    login_store.folder().mkdir()
    (login_store.folder() / "config.yml").write_text(f"auths: [{login}]\n")

    assert Gateway("http://a", token=token).authorization() == sent


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("YWRtaW46cGFzcw", "illegal base64 data at input byte 12"),
        ("YWRtaW46cGFzcw==x", "illegal base64 data at input byte 16"),
        ("123", "illegal base64 data at input byte 0"),
        ("not base64!", "illegal base64 data at input byte 3"),
        ("====", "illegal base64 data at input byte 0"),
        ("YQ=", "illegal base64 data at input byte 3"),
        ("YQ==YQ==", "illegal base64 data at input byte 4"),
        ("ü", "illegal base64 data at input byte 0"),
        ("YWRtaW4=", "invalid auth config file"),
        ("", "invalid auth config file"),
    ],
)
def test_a_damaged_token_is_refused_in_the_words_of_the_real_one(
    workspace: Workspace, token: str, message: str
) -> None:
    login_store.save("http://a", token)

    with pytest.raises(login_store.LoginStoreError) as caught:
        Gateway("http://a").authorization()

    assert caught.value.headline == message


@pytest.mark.row("4.1 login store")
def test_saved_logins_are_private_and_stay_in_their_order(workspace: Workspace) -> None:
    file = login_store.folder() / "config.yml"
    login_store.save("http://a", "1")
    login_store.save("http://b", "2")
    login_store.save("http://a", "3")

    assert file.read_text() == (
        'auths:\n  - gateway: http://a\n    auth: basic\n    token: "3"\n'
        '  - gateway: http://b\n    auth: basic\n    token: "2"\n'
    )
    assert login_store.folder().stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert login_store.remove("http://a")
    assert not login_store.remove("http://a")
    assert [each.name for each in login_store.folder().iterdir()] == ["config.yml"]
    assert login_store.remove("http://b")
    assert file.read_text() == "auths: []\n"


def test_a_hand_edited_login_file_keeps_what_a_login_does_not_replace(workspace: Workspace) -> None:
    login_store.folder().mkdir()
    file = login_store.folder() / "config.yml"
    twice = "- {gateway: http://a, auth: basic, token: x}\n- {gateway: http://a, auth: basic, token: y}\n"
    rest = "- gateway: http://b\n  auth: oauth2\n  token: z\n  options: [{name: n, value: 'true'}]\n"
    file.write_text(f"auths:\n{twice}{rest}")

    login_store.save("http://a", "new")

    assert file.read_text() == (
        "auths:\n  - gateway: http://a\n    auth: basic\n    token: new\n"
        '  - gateway: http://a\n    auth: basic\n    token: "y"\n'
        "  - gateway: http://b\n    auth: oauth2\n    token: z\n"
        '    options:\n      - name: "n"\n        value: "true"\n'
    )
    assert login_store.remove("http://a")
    assert login_store.find("http://a") == ("basic", "y")


@pytest.mark.parametrize("content", ["auths: [", "auths: 3", "- a", "\0"])
def test_the_error_names_a_damaged_login_file(workspace: Workspace, content: str) -> None:
    login_store.folder().mkdir()
    (login_store.folder() / "config.yml").write_text(content)

    with pytest.raises(login_store.LoginStoreError, match=r"config\.yml"):
        login_store.find("http://a")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OPENFAAS_CONFIG": "/chosen", "CI": "true"}, "/chosen"),
        ({"CI": "true"}, ".openfaas"),
        ({"CI": "1"}, ".openfaas"),
        ({"HOME": "/home/me", "CI": "yes"}, "/home/me/.openfaas"),
        ({"HOME": "/home/me", "OPENFAAS_CONFIG": "~/x"}, "/home/me/x"),
        ({"HOME": "/home/me"}, "/home/me/.openfaas"),
        ({"HOME": "/home/me", "OPENFAAS_CONFIG": "/lab/.labkit/run/openfaas"}, "/home/me/.openfaas"),
    ],
)
@pytest.mark.row("4.1 login store")
def test_the_login_folder_is_that_of_the_real_faas_cli(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("OPENFAAS_CONFIG", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert login_store.folder() == Path(expected)


def test_the_lab_login_for_a_real_faas_cli_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ServiceSpecs(Settings(workspace=str(tmp_path)), Workspace(tmp_path))
    plan.url_of["gateway"] = DEFAULT
    plan.write_login()
    file = Workspace(tmp_path).login_folder / "config.yml"
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path))
    file.rename(tmp_path / "config.yml")

    assert login_store.find(DEFAULT) == ("basic", login_store.encode("admin", plan.password))


def program(folder: Path, text: str, mode: int = 0o755) -> Path:
    folder.mkdir()
    file = folder / "faas-cli"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_the_real_program_is_the_first_not_from_labkit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = program(tmp_path / "ours", "#!/venv/bin/python\nfrom labkit.openfaas_cli.faas_cli import main\n")
    idle = program(tmp_path / "idle", "#!/bin/sh\n", mode=0o644)
    real = program(tmp_path / "real", "\x7fELF labkit.")
    folders = [tmp_path / "missing", ours.parent, idle.parent, real.parent]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))

    assert find_real("faas-cli") == str(real)
    monkeypatch.setenv("PATH", str(ours.parent))
    assert find_real("faas-cli") is None


def test_unreachable_without_a_lab_tells_how_to_start_one(workspace: Workspace) -> None:
    error = Gateway("http://127.0.0.1:9").unreachable(ConnectionError("refused"))

    assert error.headline == "cannot connect to OpenFaaS on URL: http://127.0.0.1:9"
    assert "labkit up" in error.next_step


def test_unreachable_with_a_lab_elsewhere_names_its_address(workspace: Workspace) -> None:
    with workspace.lock():
        workspace.write_state(state("http://127.0.0.1:45678"))

        error = Gateway("http://127.0.0.1:9").unreachable(ConnectionError("refused"))

    assert "http://127.0.0.1:45678" in error.next_step


def test_a_refused_password_suggests_a_login() -> None:
    assert gateways.status_error(401, b"invalid credentials").headline == (
        'unauthorized access, run "faas-cli login" to setup authentication for this server'
    )


def test_a_user_without_a_home_folder_has_no_login_and_can_save_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    for name in ("HOME", "OPENFAAS_CONFIG", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)

    assert login_store.find("http://127.0.0.1:8080") is None
    with pytest.raises(login_store.LoginStoreError, match=r"cannot write ~/\.openfaas/config\.yml"):
        login_store.save("http://127.0.0.1:8080", ADMIN)


def test_a_login_folder_of_an_unknown_user_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENFAAS_CONFIG", "~no-such-user/x")

    assert login_store.find("http://127.0.0.1:8080") is None
