"""A function's deployment, and the JSON that describes it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import DEFAULT_NAMESPACE, QUEUE_ANNOTATION, RETRY_ANNOTATIONS
from labkit_services.contract.quantities import parse_quantity
from labkit_services.contract.queues import check_queue_name
from labkit_services.contract.times import rfc3339
from labkit_services.http import HttpError

MAX_NAME = 63

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_Kind = TypeVar("_Kind", str, bool, dict[str, str], list[str])
_EXPECTED = {str: "a string", bool: "true or false", dict: "an object of strings", list: "a list of strings"}


@dataclass(frozen=True)
class FunctionSpec:
    """What a client sent to POST or PUT ``/system/functions``.

    Field for field OpenFaaS's ``FunctionDeployment`` (faas-provider
    ``types/function_deployment.go``), plus the time of the first deploy.
    """

    name: str
    image: str
    namespace: str = DEFAULT_NAMESPACE
    env_process: str = ""
    env_vars: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    limits: Mapping[str, str] | None = None
    requests: Mapping[str, str] | None = None
    read_only_root_filesystem: bool = False
    created_at: str = ""

    @property
    def key(self) -> str:
        """``name.namespace``, unique in the gateway."""
        return f"{self.name}.{self.namespace}"

    @cached_property
    def queue(self) -> str:
        """Queue of its asynchronous calls; "" is the gateway's default."""
        return self.annotations.get(QUEUE_ANNOTATION, "")

    @cached_property
    def retry(self) -> dict[str, str]:
        """Its retry annotations without ``com.openfaas.retry.``."""
        return {
            name.removeprefix(RETRY_ANNOTATIONS): value
            for name, value in self.annotations.items()
            if name.startswith(RETRY_ANNOTATIONS)
        }

    @classmethod
    def from_deployment(cls, body: Any, namespace: str = "") -> FunctionSpec:
        """Validate a deployment as OpenFaaS does, or raise HttpError 400.

        ``namespace`` is from the query, for clients that put it there.
        """
        if not isinstance(body, dict):
            raise _invalid("the body must be a JSON object")
        name = field_of(body, "service", str)
        image = field_of(body, "image", str)
        if not name:
            raise _invalid("service: is required")
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise _invalid(
                f"service: ({name[:80]}) is invalid, must be a valid DNS entry, at most {MAX_NAME} long"
            )
        if not image:
            raise _invalid("image: is required")
        annotations = field_of(body, "annotations", dict)
        if queue := annotations.get(QUEUE_ANNOTATION):
            try:
                check_queue_name(queue)
            except InvalidValueError as error:
                raise _invalid(f"annotation {QUEUE_ANNOTATION}: {error.headline}") from None
        return cls(
            name=name,
            image=image,
            namespace=field_of(body, "namespace", str) or namespace or DEFAULT_NAMESPACE,
            env_process=field_of(body, "envProcess", str),
            env_vars=_variables(body, "envVars"),
            labels=field_of(body, "labels", dict),
            annotations=annotations,
            constraints=tuple(field_of(body, "constraints", list)),
            secrets=tuple(field_of(body, "secrets", list)),
            limits=_amounts(body, "limits"),
            requests=_amounts(body, "requests"),
            read_only_root_filesystem=field_of(body, "readOnlyRootFilesystem", bool),
            created_at=rfc3339(time.time_ns()),
        )

    def status(self, *, replicas: int, available: int) -> dict[str, Any]:
        """Return OpenFaaS's ``FunctionStatus``.

        Empty fields are left out, except ``labels`` and ``annotations``:
        clients expect objects there.
        """
        status: dict[str, Any] = {
            "name": self.name,
            "image": self.image,
            "namespace": self.namespace,
            "envProcess": self.env_process,
            "envVars": dict(self.env_vars),
            "constraints": list(self.constraints),
            "secrets": list(self.secrets),
            "limits": self.limits,
            "requests": self.requests,
            "readOnlyRootFilesystem": self.read_only_root_filesystem,
        }
        status = {key: value for key, value in status.items() if value}
        status["labels"] = {**self.labels, "faas_function": self.name}
        status["annotations"] = {**self.annotations, "prometheus.io.scrape": "false"}
        status["replicas"] = replicas
        status["availableReplicas"] = available
        status["createdAt"] = self.created_at
        return status

    def to_record(self) -> dict[str, Any]:
        """Return the registry's record."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FunctionSpec:
        """Decode a record; TypeError means that another version wrote it."""
        lists = {name: tuple(record.get(name) or ()) for name in ("constraints", "secrets")}
        return cls(**{**record, **lists})


def _invalid(text: str) -> HttpError:
    return HttpError(400, f"validation failed: {text}\n")


def _is_text(value: object) -> bool:
    """Return whether the value is a string that a process can be given."""
    return isinstance(value, str) and not _NOT_TEXT.search(value)


def field_of(body: Mapping[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    """Return a field; missing or null means an empty ``kind``."""
    value: Any = kind() if body.get(name) is None else body[name]
    strings = [*value, *value.values()] if isinstance(value, dict) else value
    if not isinstance(value, kind) or not (isinstance(strings, bool) or all(map(_is_text, strings))):
        raise _invalid(f"{name}: must be {_EXPECTED[kind]}")
    return value


def _variables(body: Mapping[str, Any], name: str) -> dict[str, str]:
    variables = field_of(body, name, dict)
    if any(not key or "=" in key for key in variables):
        raise _invalid(f"{name}: a variable's name must not be empty or contain '='")
    return variables


def _amounts(body: Mapping[str, Any], name: str) -> dict[str, str] | None:
    amounts = field_of(body, name, dict)
    for resource in ("memory", "cpu"):
        try:
            if text := amounts.get(resource):
                parse_quantity(text)
        except InvalidValueError as error:
            raise _invalid(f"{name}.{resource}: {error.headline}") from error
    return amounts or None
