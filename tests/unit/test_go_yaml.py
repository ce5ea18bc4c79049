"""YAML as Go's yaml.v3 reads and writes it."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from go_tables import cases

from labkit.openfaas_cli.faas_cli.stack import STACK_TYPE, parse_stack
from labkit.openfaas_cli.faas_cli.verbs.generate import resource
from labkit.openfaas_cli.go_yaml.decoder import TEXT_MAP, GoType, unmarshal
from labkit.openfaas_cli.go_yaml.encoder import marshal
from labkit.openfaas_cli.go_yaml.node import GoYamlError
from labkit.openfaas_cli.go_yaml.scalar import implicit_tag


def without_zeros(value: Any, go_type: GoType) -> Any:
    """Leave out a struct's fields that are zero or a struct of zeros."""
    if go_type.fields is not None:
        fields = {key: without_zeros(item, go_type.fields[key]) for key, item in value.items()}
        return {
            key: item
            for key, item in fields.items()
            if item not in ("", False)
            and (item or go_type.fields[key].fields is None or key in ("limits", "requests"))
        }
    if go_type.of is None:
        return value
    of = go_type.of
    if isinstance(value, list):
        return [without_zeros(item, of) for item in value]
    return {key: without_zeros(item, of) for key, item in value.items()}


@pytest.mark.parametrize(("text", "result", "error"), cases("stack_yaml"))
@pytest.mark.row("4.1 stack file")
def test_a_stack_file_is_read_as_with_the_go_library(text: str, result: dict[str, Any], error: str) -> None:
    if error:
        with pytest.raises(GoYamlError) as raised:
            unmarshal(text.encode(), STACK_TYPE)

        assert raised.value.headline == error
    else:
        assert without_zeros(unmarshal(text.encode(), STACK_TYPE), STACK_TYPE) == result


@pytest.mark.parametrize(("text", "expected", "_"), cases("generate"))
@pytest.mark.row("4.3 generate")
def test_generate_writes_what_the_go_library_writes(text: str, expected: str, _: str) -> None:
    functions = parse_stack(f"provider: {{name: openfaas}}\n{text}").functions

    documents = [
        "---\n" + marshal(resource(function, "openfaas.com/v1", "openfaas-fn"))
        for _, function in sorted(functions.items())
    ]

    assert "".join(documents) == expected


def test_a_byte_order_mark_and_utf_16_are_read() -> None:
    assert unmarshal("version: é".encode("utf-16"), STACK_TYPE) == {"version": "é"}
    assert unmarshal("\ufeffversion: é".encode(), STACK_TYPE) == {"version": "é"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version: \xff", "yaml: invalid leading UTF-8 octet"),
        (b"version: \xc3(", "yaml: invalid trailing UTF-8 octet"),
        (b"version: \xc3", "yaml: incomplete UTF-8 octet sequence"),
        (b"\xff\xfev", "yaml: incomplete UTF-16 character"),
        (b"version: \x00", "yaml: control characters are not allowed"),
    ],
)
def test_bytes_that_are_no_text_are_an_error(content: bytes, message: str) -> None:
    with pytest.raises(GoYamlError) as raised:
        unmarshal(content, STACK_TYPE)

    assert raised.value.headline == message


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("yes", "!!str"),
        ("0x10", "!!int"),
        ("08", "!!float"),
        ("1_000", "!!int"),
        ("1e3", "!!float"),
        ("2024-01-01", "!!timestamp"),
        ("2024-02-30", "!!str"),
        ("0000-02-29", "!!timestamp"),
        ("18446744073709551616", "!!float"),
        ("<<", "!!str"),
    ],
)
def test_the_tag_of_a_plain_scalar(text: str, tag: str) -> None:
    assert implicit_tag(text) == tag


def bomb(first: str, collection: str) -> str:
    """Return anchors a to i, each nine aliases of the one before."""
    lines = [f"x-a: &a {first}"]
    for before, name in itertools.pairwise("abcdefghi"):
        aliases = ",".join([f"*{before}"] * 9)
        lines.append(f"x-{name}: &{name} {collection % aliases}")
    return "\n".join(lines)


LIST_BOMB = bomb("[x,x,x,x,x,x,x,x,x]", "[%s]")
MERGE_BOMB = bomb("{a0: v, a1: v, a2: v, a3: v, a4: v, a5: v, a6: v, a7: v, a8: v}", "{<<: [%s]}")


@pytest.mark.parametrize(
    "content",
    [
        MERGE_BOMB + "\nfunctions:\n  f:\n    environment: *i\n",
        MERGE_BOMB + "\nfunctions:\n  f:\n    <<: *i\n    lang: a\n",
        MERGE_BOMB + "\nfunctions: *i\n",
    ],
)
def test_an_alias_bomb_is_refused_with_go_s_text(content: str) -> None:
    begun = time.monotonic()
    with pytest.raises(GoYamlError) as raised:
        unmarshal(content.encode(), STACK_TYPE)

    assert raised.value.headline == "yaml: document contains excessive aliasing"
    assert time.monotonic() - begun < 5


def test_an_alias_bomb_that_nothing_reads_is_harmless() -> None:
    assert unmarshal(f"{LIST_BOMB}\nversion: a\n".encode(), STACK_TYPE) == {"version": "a"}


def test_thousands_of_plain_aliases_are_allowed_as_in_go() -> None:
    functions = "".join(f"  f{number}: *f\n" for number in range(1000))
    content = f"x: &f {{lang: a, environment: {{a: b, c: d}}}}\nfunctions:\n{functions}"
    assert len(unmarshal(content.encode(), STACK_TYPE)["functions"]) == 1000


@pytest.mark.parametrize("opening", ["[", "{a: ", "[{a: "])
def test_deep_nesting_is_refused_at_once(opening: str) -> None:
    begun = time.monotonic()
    with pytest.raises(GoYamlError, match="exceeded max depth"):
        unmarshal(b"functions:\n  x: " + opening.encode() * 60_000, STACK_TYPE)
    assert time.monotonic() - begun < 5


def test_a_mapping_of_many_keys_is_read_in_linear_time() -> None:
    text = "".join(f"k{number}: &k{number} v\n" for number in range(20_000))
    started = time.process_time()

    assert len(unmarshal(text.encode(), TEXT_MAP)) == 20_000
    assert time.process_time() - started < 15  # comparing each with each takes a minute


def test_a_key_that_is_repeated_many_times_fills_no_memory() -> None:
    with pytest.raises(GoYamlError) as caught:
        unmarshal(b"a: b\n" * 5000, TEXT_MAP)

    assert 1000 <= caught.value.headline.count("already defined") <= 1001
