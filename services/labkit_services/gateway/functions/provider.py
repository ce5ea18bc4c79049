"""The provider: deploys, updates, scales, finds and removes functions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakValueDictionary

from labkit_services.contract.names import split_function_name
from labkit_services.gateway.functions.function import DeployedFunction
from labkit_services.gateway.functions.plan import BackendUnavailableError, UnusableDeploymentError
from labkit_services.gateway.functions.replica import Replica, ReplicaCallbacks
from labkit_services.gateway.functions.scaling import ScaleLimits
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.queue_registry import QueueRegistry
from labkit_services.gateway.registry import Registry
from labkit_services.http import Handler, HttpError
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log import Log

_REMOVE_GRACE_SECONDS = 30.0
_MAX_FUNCTIONS = 200


class ReplicaBackend(Protocol):
    """Runs replicas; only it knows whether as processes or containers."""

    name: str  # the provider's, in /system/info
    orchestration: str  # what runs the functions, also there

    async def open(self) -> None:
        """Remove what an earlier gateway left behind."""

    async def close(self) -> None:
        """Remove what is left, after every replica has ended."""

    async def expose(self, gateway: Handler) -> None:
        """Let functions call the gateway as ``http://gateway:8080``."""

    async def check(self, spec: FunctionSpec) -> None:
        """Raise UnusableDeploymentError if a function cannot be run.

        BackendUnavailableError means that nobody knows at present. Nothing of
        the function is created; an image may be pulled.
        """

    def notes(self, spec: FunctionSpec) -> dict[str, str]:
        """Return annotations for what the backend cannot do as asked."""

    def start(self, spec: FunctionSpec, callbacks: ReplicaCallbacks) -> Replica:
        """Return a new replica, whose ``run`` starts it.

        OSError and LabError mean that it cannot be started.
        """


class FunctionProvider:
    """All deployed functions.

    A change is validated, then stored in the registry, then made; changes of
    one function follow one another. Methods raise HttpError: 404 for an
    unknown function, 400 for a request that is refused.
    """

    def __init__(
        self,
        backend: ReplicaBackend,
        registry: Registry,
        queues: QueueRegistry,
        events: EventPublisher,
        log: Log,
    ) -> None:
        self._backend = backend
        self._registry = registry
        self._queues = queues
        self._events = events
        self._log = log
        self._functions: dict[str, DeployedFunction] = {}
        self._by_url_name: dict[str, DeployedFunction] = {}
        # By key, while a task holds or awaits it: changes of one function
        # follow one another.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._removals = BackgroundTasks(log.task_failed)

    def start(self) -> None:
        """Start the functions that the registry holds."""
        for key, record in self._registry.functions.records.items():
            try:
                spec, wanted = FunctionSpec.from_record(record["spec"]), int(record["replicas"])
            except (KeyError, TypeError, ValueError) as error:
                self._log.error("registry entry unreadable", key=key, error=repr(error))
                continue
            self._add(spec, wanted)
        self._log.info("functions found", count=len(self._functions))

    # -- finding

    def find(self, name: str) -> DeployedFunction | None:
        """Return the function that a URL names, with or without namespace."""
        return self._by_url_name.get(name)

    def in_namespace(self, namespace: str) -> list[DeployedFunction]:
        """Return the functions of a namespace, by name."""
        found = [function for function in self.all() if function.spec.namespace == namespace]
        return sorted(found, key=lambda function: function.spec.name)

    def all(self) -> list[DeployedFunction]:
        """Return every function."""
        return list(self._functions.values())

    def retry_of(self, name: str) -> Mapping[str, str]:
        """Return a function's retry annotations, {} if it does not exist."""
        function = self.find(name)
        return function.spec.retry if function else {}

    def notes(self, function: DeployedFunction) -> dict[str, str]:
        """Return annotations of the lab, for a status that a person reads.

        The list of functions has no notes: ``faas-cli diff`` would take them
        for differences.
        """
        return self._backend.notes(function.spec)

    # -- changing

    async def deploy(self, spec: FunctionSpec) -> None:
        """Create a function."""
        async with self._lock(spec.key):
            if spec.key in self._functions:
                raise HttpError(400, f"function {spec.name} already exists\n")
            if len(self._functions) >= _MAX_FUNCTIONS:
                raise HttpError(400, f"too many functions, maximum: {_MAX_FUNCTIONS}\n")
            wanted = ScaleLimits.of(spec.labels).minimum
            await self._validate_and_store(spec, wanted)
            self._add(spec, wanted)

    async def update(self, spec: FunctionSpec) -> None:
        """Replace a function without failing a call."""
        async with self._lock(spec.key):
            function = self._get(spec.key)
            limits = ScaleLimits.of(spec.labels)
            wanted = max(limits.minimum, min(function.wanted, limits.maximum))
            await self._validate_and_store(spec, wanted)
            await function.update(spec, wanted)

    async def scale(self, key: str, replicas: int) -> None:
        """Change how many replicas a function has."""
        async with self._lock(key):
            function = self._get(key)
            wanted = ScaleLimits.of(function.spec.labels).clamp(replicas)
            if wanted != function.wanted:
                await self._store(function.spec, wanted)
                self._log.info("scaled", function=function.name, replicas=wanted, before=function.wanted)
            function.scale(wanted)

    async def delete(self, key: str) -> None:
        """Remove a function; calls in flight have time to finish."""
        async with self._lock(key):
            function = self._get(key)
            await self._registry.functions.delete(key)
            del self._functions[key]
            self._index()
            self._removals.start(function.remove(_REMOVE_GRACE_SECONDS), name=f"remove {key}")

    async def delete_namespace(self, name: str) -> None:
        """Remove a namespace that has no functions, and its secrets."""
        # A function that is being deployed counts. Nothing is awaited before
        # the namespace has gone from memory, so that no deploy can begin
        # meanwhile.
        if any(split_function_name(key)[1] == name for key in [*self._functions, *self._locks]):
            raise HttpError(400, f"namespace {name} still has functions, remove them first\n")
        await self._registry.namespaces.delete(name)
        await self._registry.secrets.delete_namespace(name)

    async def stop(self) -> None:
        """End every replica."""
        await self._removals.cancel()
        await asyncio.gather(*(function.remove(0.0) for function in self._functions.values()))

    # -- inside

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    def _get(self, key: str) -> DeployedFunction:
        function = self._functions.get(key)
        if function is None:
            raise HttpError(404, f"unable to find function: {split_function_name(key)[0]}\n")
        return function

    async def _validate_and_store(self, spec: FunctionSpec, wanted: int) -> None:
        """Validate a deployment; then create its queue and its record."""
        self._registry.namespaces.check(spec.namespace)
        self._registry.secrets.check(spec.secrets, spec.namespace)
        try:
            await self._backend.check(spec)
        except UnusableDeploymentError as error:
            raise HttpError(400, f"{error.headline}\n") from error
        except BackendUnavailableError as error:
            raise HttpError(503, f"{error.headline}\n") from error
        if spec.queue:
            await self._queues.ensure(spec.queue)
        await self._store(spec, wanted)

    async def _store(self, spec: FunctionSpec, wanted: int) -> None:
        await self._registry.functions.put(spec.key, {"spec": spec.to_record(), "replicas": wanted})

    def _add(self, spec: FunctionSpec, wanted: int) -> None:
        function = DeployedFunction(spec, self._start_replica, self._log, wanted=wanted)
        self._functions[spec.key] = function
        self._index()
        function.reconcile()

    def _index(self) -> None:
        # Both spellings of a name, so that the hot path is one look-up.
        self._by_url_name = self._functions | {function.name: function for function in self.all()}

    def _start_replica(self, function: DeployedFunction) -> Replica:
        name = function.name

        def on_event(row: list[Any]) -> None:
            time_ns, type_, call_id, data = row
            self._events.append([time_ns, type_, call_id, name, 1, data])

        callbacks = ReplicaCallbacks(function.logs.append, on_event, function.on_gone)
        return self._backend.start(function.spec, callbacks)
