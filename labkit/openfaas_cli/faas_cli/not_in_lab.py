"""Verbs of faas-cli that need a service or a program that the lab has not."""

from __future__ import annotations

from labkit_services.contract.errors import LabError


class NotInLabVerbError(LabError):
    """A verb that cannot work without what the lab leaves out."""

    def __init__(self, verb: str, needs: str, next_step: str = "") -> None:
        super().__init__(f"{verb} needs {needs}, which the lab does without", next_step=next_step)
