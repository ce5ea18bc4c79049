"""The page's files: served safely, one catalogue of words, no markup made of text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import labkit_services
from labkit_services.http import Headers, Request
from labkit_services.http.body import Body
from labkit_services.inspector.app import InspectorPages

ROOT = Path(labkit_services.__file__).parent
PAGE, WEB = ROOT / "inspector" / "page", ROOT / "web"
MODULES = sorted([*PAGE.rglob("*.js"), *WEB.rglob("*.js")])
STYLES = sorted([*PAGE.rglob("*.css"), *WEB.rglob("*.css")])
WORDS = {name: json.loads((WEB / "words" / f"{name}.json").read_text("utf-8")) for name in ("en", "zh")}
FILES = InspectorPages().static


def ask(method: str = "GET", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, "/static/x", Headers(pairs), Body())


# -- static files


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("inspector/page/app.js", "text/javascript; charset=utf-8"),
        ("inspector/page/views/bins.js", "text/javascript; charset=utf-8"),
        ("inspector/page/css/tokens.css", "text/css; charset=utf-8"),
        ("web/words/zh.json", "application/json"),
    ],
)
def test_a_file_has_its_type_and_a_tag_and_is_sent_once(name: str, content_type: str) -> None:
    response = FILES.response(ask(), name)
    assert response.status == 200
    assert response.body == (ROOT / name).read_bytes()
    assert response.headers.get("Content-Type") == content_type
    assert response.headers.get("Cache-Control") == "no-cache"
    tag = response.headers.get("ETag")
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = FILES.response(ask(If_None_Match=sent), name)
        assert (again.status, again.body, again.headers.get("ETag")) == (304, b"", tag)
    assert FILES.response(ask(If_None_Match='"other"'), name).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "inspector/page",
        "inspector/page/",
        "inspector/page/index.html",
        "inspector/page/gone.js",
        "inspector/app.py",
        "web/html_page.py",
        "inspector/page/../app.py",
        "inspector/page/../page/app.js",
        "../labkit_services/inspector/page/app.js",
        "inspector/page/..%2fapp.py",
        "inspector%2fpage%2fapp.js",
        "inspector\\page\\app.js",
        "/etc/passwd",
        "inspector/page/app.js\x00",
    ],
)
def test_no_other_file_is_served(name: str) -> None:
    assert FILES.response(ask(), name).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_file_can_only_be_read(method: str) -> None:
    assert FILES.response(ask(method), "inspector/page/app.js").status == 405


# -- the page


def test_the_page_has_no_script_of_its_own_and_loads_only_files_that_exist() -> None:
    html = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"""\s(style|on\w+)\s*=""", html), "the policy forbids such attributes"
    assert not re.search(r"<style|<script(?![^>]*src=)", html)
    loaded = re.findall(r"""(?:src|href)="(?!data:|#)([^"]*)\"""", html)
    assert len(loaded) > 3
    for url in loaded:
        assert url.startswith("static/"), "relative, so that a proxy may serve it under a prefix"
        assert FILES.response(ask(), url.removeprefix("static/")).status == 200


def test_the_policy_allows_only_files_of_this_server() -> None:
    response = InspectorPages().inspector.response()
    policy = dict(part.split(" ", 1) for part in response.headers.get("Content-Security-Policy").split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_imports_what_exists_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 350
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment", text)
    assert not re.search(r"document\.write|\beval\(|new Function", text)
    assert not re.search(r"""setAttribute\(\s*["']style""", text), "the policy forbids style attributes"
    for name in re.findall(
        r"""(?:^import|^\} from|^export .*from|import\()[^"'\n]*["']([^"']+)["']""", text, re.M
    ):
        assert name.startswith("."), "no package, no absolute URL"
        assert (path.parent / name).resolve().is_file(), name
    own = text.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1", "")
    assert not re.search(r"https?://", own)


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_loads_nothing(path: Path) -> None:
    assert not re.search(r"@import|url\(|https?://", path.read_text("utf-8"))


# -- words


def texts(entry: str | dict[str, str]) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def placeholders(entry: str | dict[str, str]) -> set[str]:
    return set().union(*(re.findall(r"(?<!\{)\{(\w+)\}(?!\})", text) for text in texts(entry)))


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    english, chinese = WORDS["en"], WORDS["zh"]
    assert english.keys() == chinese.keys()
    assert [key for key in english if placeholders(english[key]) != placeholders(chinese[key])] == []
    assert [key for words in WORDS.values() for key, entry in words.items() if not all(texts(entry))] == [
        "outcome.sentences"  # what separates sentences: nothing, in Chinese
    ]


def test_every_word_that_a_module_uses_is_in_the_catalogue() -> None:
    used: set[str] = set()
    for path in MODULES:
        text = path.read_text("utf-8")
        used |= set(re.findall(r"""\bwords\(\s*"([^"]+)\"""", text))
        for term in re.findall(r"""\bterm\(words, "([^"]+)\"""", text):
            used |= {f"term.{term}", f"term.{term}.help"}
    assert len(used) > 100
    assert sorted(used - WORDS["en"].keys()) == []


def test_every_term_has_an_explanation() -> None:
    terms = {key for key in WORDS["en"] if key.startswith("term.") and not key.endswith(".help")}
    assert sorted(key for key in terms if f"{key}.help" not in WORDS["en"]) == []
