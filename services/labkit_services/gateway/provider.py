"""The process provider: functions as processes on this machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
from collections.abc import Mapping
from typing import Any

from labkit_services.contract.errors import LabError
from labkit_services.contract.names import STATIC_PATH, split_function_name
from labkit_services.gateway.config import Config
from labkit_services.gateway.function import Function
from labkit_services.gateway.locks import KeyedLocks
from labkit_services.gateway.metrics import Metrics
from labkit_services.gateway.namespaces import Namespaces
from labkit_services.gateway.queues import Queues
from labkit_services.gateway.registry import Entry, Registry
from labkit_services.gateway.replica import Replica
from labkit_services.gateway.scaling import ScaleLimits
from labkit_services.gateway.secrets import Secrets
from labkit_services.gateway.spec import FunctionSpec
from labkit_services.http import HttpError
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore
from labkit_services.jetstream.event_publisher import Events
from labkit_services.runtime.log import Log

_REMOVE_GRACE_SECONDS = 30.0
_MAX_FUNCTIONS = 200


class ProcessProvider:
    """Deploys, finds, scales and removes functions.

    Everything that must survive is in the registry; changes of one function
    follow one another.

    Attributes:
        secrets: What functions may ask for by name.
        namespaces: Where they may be deployed.
    """

    id = "labkit-process"
    orchestration = "processes"

    def __init__(
        self,
        registry: Registry,
        queues: Queues,
        config: Config,
        events: Events,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self.secrets = Secrets(registry)
        self.namespaces = Namespaces(registry)
        self._registry = registry
        self._queues = queues
        self._config = config
        self._events = events
        self._metrics = metrics
        self._log = log
        self._fork_server = socket.socket(fileno=config.fork_server) if config.fork_server >= 0 else None
        self._images = ImageStore(config.image_store)
        self._functions: dict[str, Function] = {}
        self._by_url_name: dict[str, Function] = {}
        self._locks = KeyedLocks()
        self._scratch_count = itertools.count()
        self._removals: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start what was deployed before; the registry must be open."""
        shutil.rmtree(self._config.state_dir, ignore_errors=True)
        self._config.state_dir.mkdir(parents=True, mode=0o700)
        entries, _, _ = await asyncio.gather(
            self._registry.functions(), self.secrets.load(), self.namespaces.load()
        )
        for entry in entries:
            self._adopt(entry).reconcile()
        self._log.info("functions found", count=len(self._functions))

    # -- finding

    def find(self, name: str) -> Function | None:
        """Return the function that a URL names, with or without namespace."""
        return self._by_url_name.get(name)

    def in_namespace(self, namespace: str) -> list[Function]:
        """Return the functions of a namespace, by name."""
        found = [f for f in self._functions.values() if f.spec.namespace == namespace]
        return sorted(found, key=lambda function: function.spec.name)

    def all(self) -> list[Function]:
        """Return every function."""
        return list(self._functions.values())

    def retry_of(self, name: str) -> Mapping[str, str]:
        """Return a function's annotations about retries, by its name in the URL; none if there is no such."""
        function = self.find(name)
        return function.spec.retry if function else {}

    # -- changing

    async def deploy(self, spec: FunctionSpec) -> None:
        """Create a function.

        Raises:
            HttpError: 400 if it exists, there are too many, or it asks for what is not there.
        """
        async with self._locks.hold(spec.key):
            if spec.key in self._functions:
                raise HttpError(400, f"function {spec.name} already exists\n")
            if len(self._functions) >= _MAX_FUNCTIONS:
                raise HttpError(400, f"too many functions, maximum: {_MAX_FUNCTIONS}\n")
            await self._check(spec)
            entry = Entry(spec, ScaleLimits.of(spec.labels).initial)
            await self._registry.save_function(entry)
            self._adopt(entry).reconcile()

    async def update(self, spec: FunctionSpec) -> None:
        """Replace a function without failing a call.

        Raises:
            HttpError: 404 if there is none, 400 if it asks for what is not there.
        """
        async with self._locks.hold(spec.key):
            function = self._known(spec.key)
            await self._check(spec)
            limits = ScaleLimits.of(spec.labels)
            wanted = max(limits.minimum, min(function.wanted, limits.maximum))
            await self._registry.save_function(Entry(spec, wanted))
            await function.update(spec, wanted)

    async def scale(self, key: str, replicas: int) -> None:
        """Change how many replicas a function has.

        Raises:
            HttpError: 404 if there is no such function.
        """
        async with self._locks.hold(key):
            function = self._known(key)
            wanted = ScaleLimits.of(function.spec.labels).clamp(replicas)
            if wanted != function.wanted:
                await self._registry.save_function(Entry(function.spec, wanted))
                self._log.info("scaled", function=function.name, replicas=wanted, before=function.wanted)
            function.scale(wanted)

    async def delete(self, key: str) -> None:
        """Remove a function; calls in flight are given time to end.

        Raises:
            HttpError: 404 if there is none.
        """
        async with self._locks.hold(key):
            function = self._known(key)
            await self._registry.forget_function(key)
            del self._functions[key]
            self._index()
            self._metrics.forget(key)
            removal = asyncio.create_task(function.remove(_REMOVE_GRACE_SECONDS))
            self._removals.add(removal)
            removal.add_done_callback(self._removals.discard)

    async def stop(self) -> None:
        """End every replica."""
        for removal in list(self._removals):
            removal.cancel()
        await asyncio.gather(*(function.remove(0.0) for function in self._functions.values()))
        shutil.rmtree(self._config.state_dir, ignore_errors=True)

    # -- inside

    def _known(self, key: str) -> Function:
        function = self._functions.get(key)
        if function is None:
            raise HttpError(404, f"unable to find function: {split_function_name(key)[0]}\n")
        return function

    async def _check(self, spec: FunctionSpec) -> None:
        if spec.queue:
            await self._queues.ensure(spec.queue)
        self.namespaces.check(spec.namespace)
        self.secrets.check(spec.secrets, spec.namespace)
        try:
            image = self._image(spec)
        except LabError as error:
            raise HttpError(400, f"validation failed: image: {error.headline}\n") from error
        if self._command(spec, image) == "" and self._mode(spec, image) != "static":
            raise HttpError(
                400,
                f"unable to find image: {spec.image}; build it first (faas-cli build), "
                "or say what to run (--fprocess)\n",
            )

    def _image(self, spec: FunctionSpec) -> Image:
        """Return what was built, else what is well known, else an empty image of that name."""
        return self._images.get(spec.image) or catalogue.find(spec.image) or Image(spec.image)

    @staticmethod
    def _mode(spec: FunctionSpec, image: Image) -> str:
        return {**image.environment, **spec.env_vars}.get("mode", "")

    def _command(self, spec: FunctionSpec, image: Image) -> str:
        environment = {**image.environment, **spec.env_vars}
        own = environment.get("function_process", "") if self._mode(spec, image) else ""
        return spec.env_process or spec.env_vars.get("fprocess", "") or image.fprocess or own

    def _adopt(self, entry: Entry) -> Function:
        function = Function(entry.spec, self._start_replica, self._log, wanted=entry.replicas)
        self._functions[entry.spec.key] = function
        self._index()
        return function

    def _index(self) -> None:
        # Both spellings of a name, so that the hot path is one look-up.
        self._by_url_name = {f.spec.key: f for f in self._functions.values()}
        self._by_url_name |= {f.name: f for f in self._functions.values()}

    def _start_replica(self, function: Function) -> Replica:
        spec = function.spec
        image = self._image(spec)
        scratch = self._config.state_dir / f"{spec.name}-{next(self._scratch_count)}"
        scratch.mkdir(parents=True, mode=0o700)
        environment = {
            # Not the gateway's own environment: it holds the lab's passwords. And no LANG, as in OpenFaaS's
            # containers: to load a locale takes a small process 0.2 ms of its 0.7.
            **image.process_environment({"PATH": os.environ.get("PATH", os.defpath)}),
            "HOME": str(scratch),
            # No load balancer has to notice first: a replica that drains may end at once.
            "healthcheck_interval": "0",
            # Any: containers have a port 8081 each, replicas share one machine's.
            "metrics_port": "0",
            **spec.env_vars,
            "fprocess": image.local_process(self._command(spec, image)),
        }
        if self._mode(spec, image) == "static":
            environment.setdefault("static_path", STATIC_PATH)
        for setting in ("function_process", "static_path"):
            if setting in environment:
                environment[setting] = image.local_process(environment[setting])
        for resource in ("memory", "cpu"):
            if amount := (spec.limits or {}).get(resource):
                environment[f"limits_{resource}"] = amount
        if spec.secrets:
            self.secrets.write(spec.secrets, spec.namespace, scratch / "secrets")
            environment["secrets_folder"] = str(scratch / "secrets")
        name = function.name

        def on_event(row: list[Any]) -> None:
            time_ns, type_, call_id, data = row
            self._events.append([time_ns, type_, call_id, name, 1, data])

        return Replica(
            spec.name,
            environment,
            scratch=scratch,
            workdir=image.cwd,
            on_log=function.logs.append,
            on_event=on_event,
            on_gone=function.on_gone,
            fork_server=self._fork_server,
        )
