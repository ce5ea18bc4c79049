"""Functions as Kubernetes resources."""

from __future__ import annotations

import pytest
import yaml

from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verbs.generate import resource
from labkit.openfaas_cli.go_yaml.encoder import marshal

API = "openfaas.com/v1"


def test_empty_values_are_left_out() -> None:
    text = marshal(resource(StackFunction("f", image="me/f:latest", fprocess="cat"), API, "dev"))

    assert text == (
        "apiVersion: openfaas.com/v1\nkind: Function\nmetadata:\n  name: f\n  namespace: dev\n"
        "spec:\n  name: f\n  image: me/f:latest\n"
    )


def test_a_spec_is_in_openfaas_order_and_its_maps_are_sorted() -> None:
    function = StackFunction(
        "f",
        image="i",
        secrets=["s"],
        labels={"b10": "x", "b9": "z", "a": "w"},
        environment={"E": "1"},
        limits={"cpu": "1"},
        readonly_root_filesystem=True,
    )

    lines = marshal(resource(function, API, "dev")).partition("spec:\n")[2].splitlines()

    assert lines == [
        *("  name: f", "  image: i", "  environment:", '    E: "1"', "  labels:", "    a: w", "    b9: z"),
        *("    b10: x", "  limits:", '    memory: ""', '    cpu: "1"'),
        *("  secrets:", "    - s", "  readOnlyRootFilesystem: true"),
    ]


@pytest.mark.parametrize(
    "value", ["1", "true", "null", "1.5", "yes", "2026-01-01", "", "a: b", "ü", "a\nb", "#", "😀"]
)
def test_every_text_stays_text(value: str) -> None:
    text = marshal(resource(StackFunction("f", image="i", environment={"A": value}), API, "dev"))

    assert yaml.safe_load(text)["spec"]["environment"] == {"A": value}


def test_knative_has_resources_of_its_own() -> None:
    function = StackFunction(
        "f", image="i", secrets=["s"], annotations={"t": "x"}, environment={"b": "2", "a": "1"}
    )

    text = marshal(resource(function, "serving.knative.dev/v1", "dev"))

    assert text == (
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: f\n  namespace: dev\n"
        "  annotations:\n    t: x\nspec:\n  template:\n    spec:\n      containers:\n        - image: i\n"
        '          env:\n            - name: a\n              value: "1"\n            - name: b\n'
        '              value: "2"\n          volumeMounts:\n            - name: s\n'
        "              mountPath: /var/openfaas/secrets/s\n              readOnly: true\n      volumes:\n"
        "        - name: s\n          secret:\n            secretName: s\n"
    )
