"""Functions as Kubernetes resources."""

from __future__ import annotations

import pytest
import yaml

from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verbs.generate import document, resource


def test_empty_values_are_left_out() -> None:
    text = document(resource(StackFunction("f", image="me/f:latest", fprocess="cat"), "dev"))

    assert text == (
        "---\napiVersion: openfaas.com/v1\nkind: Function\nmetadata:\n  name: f\n  namespace: dev\n"
        "spec:\n  name: f\n  image: me/f:latest\n"
    )


def test_a_spec_is_in_openfaas_order_and_its_maps_are_sorted() -> None:
    function = StackFunction(
        "f",
        image="i",
        secrets=["s"],
        labels={"b": "x", "a": "y"},
        environment={"E": "1"},
        readonly_root_filesystem=True,
    )

    lines = document(resource(function, "dev")).partition("spec:\n")[2].splitlines()

    assert lines == [
        *("  name: f", "  image: i", "  environment:", '    E: "1"', "  labels:", "    a: y", "    b: x"),
        *("  secrets:", "  - s", "  readOnlyRootFilesystem: true"),
    ]


@pytest.mark.parametrize(
    "value", ["1", "true", "null", "1.5", "yes", "2026-01-01", "", "a: b", "ü", "a\nb", "#"]
)
def test_every_text_stays_text(value: str) -> None:
    text = document(resource(StackFunction("f", image="i", environment={"A": value}), "dev"))

    assert yaml.safe_load(text)["spec"]["environment"] == {"A": value}
