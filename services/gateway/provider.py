"""The process provider: functions as processes on this machine, remembered in JetStream."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NoKeysError
from nats.js.kv import KeyValue

from services.bus import Events
from services.contract import catalogue
from services.contract.errors import LabError
from services.contract.images import Image, ImageStore
from services.contract.names import FUNCTION_BUCKET, split_function_name
from services.gateway.config import Config
from services.gateway.function import Function
from services.gateway.replica import Replica
from services.gateway.spec import FunctionSpec
from services.http import HttpError
from services.log import Log

_REMOVE_GRACE_SECONDS = 30.0
_MAX_FUNCTIONS = 200


class ProcessProvider:
    """Deploys, finds and removes functions.

    The registry is a key-value bucket: a gateway that was killed finds its
    functions again. Changes of one function follow one another.
    """

    id = "labkit-process"
    orchestration = "processes"

    def __init__(self, js: JetStreamContext, config: Config, events: Events, log: Log) -> None:
        self._js = js
        self._config = config
        self._events = events
        self._log = log
        self._images = ImageStore(config.image_store)
        self._functions: dict[str, Function] = {}
        self._by_url_name: dict[str, Function] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._scratch_count = itertools.count()
        self._removals: set[asyncio.Task[None]] = set()
        self._bucket: KeyValue | None = None

    async def start(self) -> None:
        """Open the registry and start what was deployed before."""
        shutil.rmtree(self._config.state_dir, ignore_errors=True)
        self._config.state_dir.mkdir(parents=True, mode=0o700)
        self._bucket = await self._js.create_key_value(
            bucket=FUNCTION_BUCKET, replicas=self._config.replicas, history=1
        )
        try:
            keys = await self._bucket.keys()
        except NoKeysError:
            keys = []
        for key in keys:
            entry = await self._bucket.get(key)
            try:
                spec = FunctionSpec.from_record(json.loads(entry.value or b"{}"))
            except (TypeError, ValueError) as error:
                self._log.error("registry entry unreadable", key=key, error=error)
                continue
            self._adopt(spec).reconcile()
        self._log.info("functions found", count=len(self._functions))

    # -- finding

    def find(self, name: str) -> Function | None:
        """Return the function that a URL names, with or without namespace."""
        function = self._by_url_name.get(name)
        if function is None:
            short, namespace = split_function_name(name)
            function = self._functions.get(f"{short}.{namespace}")
        return function

    def list(self, namespace: str) -> list[Function]:
        """Return the functions of a namespace, by name."""
        found = [f for f in self._functions.values() if f.spec.namespace == namespace]
        return sorted(found, key=lambda function: function.spec.name)

    # -- changing

    async def deploy(self, spec: FunctionSpec) -> None:
        """Create a function.

        Raises:
            HttpError: 400 if it exists, if there are too many, or its image is unknown.
        """
        async with self._lock(spec.key):
            if spec.key in self._functions:
                raise HttpError(400, f"function {spec.name} already exists\n")
            if len(self._functions) >= _MAX_FUNCTIONS:
                raise HttpError(400, f"too many functions, maximum: {_MAX_FUNCTIONS}\n")
            self._check(spec)
            await self._save(spec)
            self._adopt(spec).reconcile()

    async def update(self, spec: FunctionSpec) -> None:
        """Replace a function without failing a call.

        Raises:
            HttpError: 404 if there is none, 400 if its new image is unknown.
        """
        async with self._lock(spec.key):
            function = self._functions.get(spec.key)
            if function is None:
                raise HttpError(404, f"unable to find function: {spec.name}\n")
            self._check(spec)
            await self._save(spec)
            await function.update(spec, initial_replicas(spec))

    async def delete(self, name: str) -> None:
        """Remove a function; calls in flight are given time to end.

        Raises:
            HttpError: 404 if there is none.
        """
        function = self.find(name)
        if function is None:
            raise HttpError(404, f"function {name} not found\n")
        async with self._lock(function.spec.key):
            if self._functions.pop(function.spec.key, None) is None:
                raise HttpError(404, f"function {name} not found\n")
            self._index()
            assert self._bucket is not None
            await self._bucket.delete(function.spec.key)
            removal = asyncio.create_task(function.remove(_REMOVE_GRACE_SECONDS))
            self._removals.add(removal)
            removal.add_done_callback(self._removals.discard)

    async def stop(self) -> None:
        """End every replica."""
        await asyncio.gather(*(function.remove(0.0) for function in self._functions.values()))
        for removal in list(self._removals):
            removal.cancel()
        shutil.rmtree(self._config.state_dir, ignore_errors=True)

    # -- inside

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    def _check(self, spec: FunctionSpec) -> None:
        try:
            image = self._image(spec)
        except LabError as error:
            raise HttpError(400, f"validation failed: image: {error.headline}\n") from error
        if self._command(spec, image) == "":
            raise HttpError(
                400,
                f"unable to find image: {spec.image}; build it first (faas-cli build), "
                "or say what to run (--fprocess)\n",
            )

    def _image(self, spec: FunctionSpec) -> Image:
        """Return what was built, else what is well known, else an empty image of that name."""
        return self._images.get(spec.image) or catalogue.find(spec.image) or Image(spec.image)

    @staticmethod
    def _command(spec: FunctionSpec, image: Image) -> str:
        return spec.env_process or spec.env_vars.get("fprocess", "") or image.fprocess

    async def _save(self, spec: FunctionSpec) -> None:
        assert self._bucket is not None
        await self._bucket.put(spec.key, json.dumps(spec.to_record()).encode())

    def _adopt(self, spec: FunctionSpec) -> Function:
        function = Function(spec, self._start_replica, self._log, wanted=initial_replicas(spec))
        self._functions[spec.key] = function
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
        environment = {
            # Not the gateway's own environment: it holds the lab's passwords.
            **image.process_environment({"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}),
            "HOME": str(scratch),
            **spec.env_vars,
            "fprocess": image.local_process(self._command(spec, image)),
        }
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
        )


def initial_replicas(spec: FunctionSpec) -> int:
    """Return the label ``com.openfaas.scale.min``, which faas-netes starts with; 1 if unset or unusable."""
    text = spec.labels.get("com.openfaas.scale.min", "1")
    return min(int(text), 20) if text.isdecimal() else 1
