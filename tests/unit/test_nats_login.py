"""The login to an existing NATS: addresses, files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.supervisor.settings import Settings
from labkit_services.contract.errors import InvalidValueError
from labkit_services.runtime.nats_login import NatsLogin


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("nats://a", "nats://a:4222"),
        ("a:4223, tls://b", "nats://a:4223,tls://b:4222"),
        ("nats://[::1]:1", "nats://[::1]:1"),
        ("nats://ada:s%40crET@a,nats://b/", "nats://a:4222,nats://b:4222"),
    ],
)
def test_addresses_get_a_scheme_and_a_port_and_lose_their_secrets(text: str, url: str) -> None:
    assert NatsLogin.of(text).url == url


def test_an_address_may_contain_a_user_or_a_token() -> None:
    login = NatsLogin.of("nats://ada:s%40crET@a")
    assert (login.user, login.password, login.token) == ("ada", "s@crET", "")
    assert NatsLogin.of("nats://t0ken@a").token == "t0ken"
    assert "crET" not in repr(login) + str(login)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "http://a",
        "nats://",
        "nats://a:99999",
        "nats://a:0",
        "nats://a/path",
        "nats://a?x=1",
        "nats://[::1",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="address of NATS"):
        NatsLogin.of(text)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(InvalidValueError) as refused:
        NatsLogin.of("http://ada:secret@a")
    assert "secret" not in str(refused.value)


def test_addresses_with_different_users_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="different users"):
        NatsLogin.of("nats://ada:x@a,nats://bob:y@b")


def test_a_context_s_paths_are_relative_to_it(tmp_path: Path) -> None:
    written(tmp_path / "ca.pem", "-----BEGIN CERTIFICATE-----")
    context = written(
        tmp_path / "lab.json", {"url": "tls://a", "user": "ada", "password": "x", "ca": "ca.pem"}
    )
    login = NatsLogin.of("", context)
    assert (login.url, login.ca) == ("tls://a:4222", str(tmp_path / "ca.pem"))
    assert NatsLogin.of("nats://b", context).url == "nats://b:4222"


@pytest.mark.parametrize(
    ("name", "content", "attribute"),
    [
        ("a.creds", "-----BEGIN NATS USER JWT-----\nx\n", "creds"),
        ("a.nk", "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU\n", "nkey"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\n", "ca"),
    ],
)
def test_a_file_is_recognised_by_its_content(tmp_path: Path, name: str, content: str, attribute: str) -> None:
    path = written(tmp_path / name, content)
    assert getattr(NatsLogin.of("nats://a", path), attribute) == str(path)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("", "an empty file"),
        ("hello", "something else"),
        ("{", "not JSON"),
        ({"nsc": "nsc://a/b"}, "nsc"),
        ({"user": 1}, "int"),
        ({"creds": "missing.creds"}, "No such file"),
        ({"cert": "lab.json"}, "one of them"),
        ({"user": "ada", "token": "x"}, "a user and a token"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused(tmp_path: Path, content: object, seen: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        NatsLogin.of("nats://a", written(tmp_path / "lab.json", content))
    assert seen in refused.value.seen


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InvalidValueError, match="can't be used as credentials"):
            NatsLogin.of("nats://a", path)


def test_a_login_survives_settings_and_context_file(tmp_path: Path) -> None:
    login = NatsLogin("tls://a:1", user="ada", password='x"y', ca="/ca", cert="/c", key="/k", tls_first=True)
    assert NatsLogin.of_settings(login.settings()) == login
    assert NatsLogin.of_context(str(written(tmp_path / "c.json", login.context("a lab")))) == login


def test_the_supervisor_s_arguments_have_no_login() -> None:
    settings = Settings(workspace="/w", nats=NatsLogin("nats://a:1", user="ada", password="secret"))
    assert "secret" not in settings.to_json() + repr(settings)
    assert Settings.from_json(settings.to_json(), settings.nats.settings()) == settings


@pytest.mark.parametrize("address", ["0.0.0.0", "localhost", "203.0.113.7", "::1", ""])
def test_only_one_address_of_this_machine_can_be_listened_on(address: str) -> None:
    with pytest.raises(InvalidValueError, match="address to listen on"):
        Settings(workspace="/w", listen=address)
