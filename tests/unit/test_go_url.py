"""URLs as Go's net/url reads and prints them; values measured with Go 1.19."""

from __future__ import annotations

import pytest

from labkit_services.http.go_url import GoUrl


@pytest.mark.parametrize(
    ("base", "reference", "found"),
    [
        ("http://u:p@h:1/x/y?q=1", "z", "http://u:p@h:1/x/z"),
        ("http://h/x/y?q=1", "?", "http://h/x/y?"),
        ("http://h/x/y?q=1", "#f", "http://h/x/y?q=1#f"),
        ("http://h/x/y?q=1", "", "http://h/x/y?q=1"),
        ("http://h?", "", "http://h"),
        ("http://h", "z", "http://h/z"),
        ("http://h/x/y", "///z", "http://h///z"),
        ("http://h/x/y", "../../../z", "http://h/z"),
        ("http://h/a/../b", "..//", "http://h/"),
        ("http://h/x/y", ".", "http://h/x/"),
        ("http://h/x/y", "/a//b/../", "http://h/a//"),
        ("http://h/x/y", "HTTP://O", "http://O"),
        ("http://h/x/y", "http:z", "http:z"),
        ("http://h/x/y", "http:/z", "http:/z"),
        ("http://h/x/y", "/a b\"c|é", "http://h/a%20b%22c%7C%C3%A9"),
        ("http://h/x/y", "/%0d%0a:*", "http://h/%0d%0a:*"),
        ("http://h/x/y", "/%0d%0a *", "http://h/%0D%0A%20%2A"),
        ("http://h/x/y", "//u!*:p%2f@o/", "http://u%21%2A:p%2F@o/"),
    ],
)  # fmt: skip
def test_a_reference_is_resolved_as_by_go(base: str, reference: str, found: str) -> None:
    assert str(GoUrl.parse(base).resolved(GoUrl.parse(reference))) == found


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("1:b", 'parse "1:b": first path segment in URL cannot contain colon'),
        (":b", 'parse ":b": missing protocol scheme'),
        ("/z\tq\\", 'parse "/z\\tq\\\\": net/url: invalid control character in URL'),
        ("http://h:1x/", 'parse "http://h:1x/": invalid port ":1x" after host'),
        ("http://[::1]x/", 'parse "http://[::1]x/": invalid port "x" after host'),
        ("http://%31/", 'parse "http://%31/": invalid URL escape "%31"'),
        ("http://h h%zz/", 'parse "http://h h%zz/": invalid character " " in host name'),
        ("http://h%zz h/", 'parse "http://h%zz h/": invalid URL escape "%zz"'),
        ("http://é:p@h/", 'parse "http://é:p@h/": net/url: invalid userinfo'),
        ("http://u:p w@h/", 'parse "http://u:p w@h/": net/url: invalid userinfo'),
        ("http://u:%zz@h/", 'parse "http://u:%zz@h/": invalid URL escape "%zz"'),
        ("http://u:p/w@h/", 'parse "http://u:p/w@h/": invalid port ":p" after host'),
        ("http://u:p#w@h/", 'parse "http://u:p": invalid port ":p" after host'),
        ("/a%z", 'parse "/a%z": invalid URL escape "%z"'),
        ("/a#%", 'parse "/a#%": invalid URL escape "%"'),
    ],
)
def test_a_url_that_go_refuses_has_go_s_error(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"^parse ") as caught:
        GoUrl.parse(url)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("http://h", "h", "", "/"),
        ("http://h:/?", "h", "", "/?"),
        ("http://h:0//a", "h", "0", "//a"),
        ("http://[::1]:80/a?b?c", "::1", "80", "/a?b?c"),
        ("http://u:p@h:1?q=%zz", "h", "1", "/?q=%zz"),
    ],
)
def test_a_url_has_a_host_a_port_and_a_target(url: str, host: str, port: str, target: str) -> None:
    parsed = GoUrl.parse(url)

    assert (parsed.hostname, parsed.port, parsed.request_target) == (host, port, target)


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ("u:p@", b"u:p"),
        ("u@", b"u:"),
        ("@", b":"),
        ("a:b:c@", b"a:b:c"),
        ("u%3A:p+w%20%25%2F@", b"u::p+w %/"),
        ("u:p@w@", b"u:p@w"),
        ("", None),
    ],
)
def test_the_credentials_of_a_url_are_decoded(user: str, credentials: bytes | None) -> None:
    assert GoUrl.parse(f"http://{user}h/").credentials == credentials
