"""Amounts of memory and CPU in the notation of Kubernetes and OpenFaaS."""

from __future__ import annotations

import re

from labkit_services.contract.errors import InvalidValueError

_SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    **{suffix: 1000.0**power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": 1024.0**power for power, suffix in enumerate("KMGTPE", 1)},
}

_QUANTITY = re.compile(
    r"\+?(?P<number>[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
    r"(?:(?P<exponent>[eE][+-]?[0-9]{1,2})|(?P<suffix>[A-Za-z]{0,2}))"
)


def parse_quantity(text: str) -> float:
    """Parse a quantity such as ``5Mi``, or raise ``InvalidValueError``.

    The grammar is that of Kubernetes' ``resource.Quantity``: a decimal number
    with a decimal (``k M G``), binary (``Ki Mi Gi``) or small (``m u n``)
    suffix, or with an exponent. Memory is in bytes, CPU in cores. Negative
    ones are invalid here.
    """
    match = _QUANTITY.fullmatch(text)
    if match and match["exponent"]:
        return float(match["number"] + match["exponent"])
    if match and match["suffix"] in _SUFFIXES:
        return float(match["number"]) * _SUFFIXES[match["suffix"]]
    raise InvalidValueError(
        f"{text[:80]!r} is not an amount",
        expected="an amount such as 128Mi or 1Gi of memory, 100m or 0.5 of CPU",
    )
