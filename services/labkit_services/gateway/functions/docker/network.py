"""The lab's own network, and ``http://gateway:8080`` in it.

Each lab has a network, so this machine has an address in it that is the lab's
alone: the gateway listens there too, always at port 8080, whatever its usual
port is.
"""

from __future__ import annotations

import errno
import ipaddress
from typing import Any

from docker import DockerClient
from docker.errors import NotFound

from labkit_services.contract.names import GATEWAY_ALIASES
from labkit_services.contract.ports import GATEWAY_ALIAS_PORT
from labkit_services.docker_engine.labels import LabLabels
from labkit_services.gateway.functions.docker.engine import Engine
from labkit_services.http import Handler, HttpServer, Request, Response
from labkit_services.runtime.log import Log

_HOST_GATEWAY = "host-gateway"
"""Docker's word for this machine, where it has no address in the network."""
_STOP_SECONDS = 0.2


class LabNetwork:
    """A bridge network; the gateway's second address is in it."""

    def __init__(self, engine: Engine, labels: LabLabels, log: Log) -> None:
        self._engine = engine
        self._labels = labels
        self._log = log
        self._gateway: Handler | None = None
        self._server: HttpServer | None = None
        self._listens_at = ""
        self.name = f"labkit-{labels.lab}"
        self._address = ""  # this machine's, in the network
        self._subnet = ipaddress.ip_network("0.0.0.0/32")

    @property
    def hosts(self) -> dict[str, str]:
        """Host names in a container, and their addresses."""
        return dict.fromkeys(sorted(GATEWAY_ALIASES), self._listens_at or _HOST_GATEWAY)

    async def expose(self, gateway: Handler) -> None:
        """Let functions call the gateway: now, or once there is a network."""
        self._gateway = gateway
        await self._listen()

    async def ensure(self) -> None:
        """Create the network if it does not exist."""
        attributes = await self._engine.call(self._find_or_create)
        config = attributes["IPAM"]["Config"][0]
        self._address, self._subnet = config["Gateway"], ipaddress.ip_network(config["Subnet"])
        await self._listen()

    def _find_or_create(self, client: DockerClient) -> dict[str, Any]:
        try:
            network = client.networks.get(self.name)
        except NotFound:
            client.networks.create(self.name, driver="bridge", labels=self._labels.as_dict())
            network = client.networks.get(self.name)
        attributes: dict[str, Any] = network.attrs
        return attributes

    async def _listen(self) -> None:
        if self._gateway is None or not self._address or self._listens_at == self._address:
            return
        await self.stop()
        gateway, subnet = self._gateway, self._subnet

        async def from_containers(request: Request) -> Response:
            # Linux accepts a packet for any of its addresses on any link, so
            # a neighbour of this machine could send one.
            if ipaddress.ip_address(request.peer[0]) not in subnet:
                return Response.error(403, "only for the lab's functions\n")
            return await gateway(request)

        server = HttpServer(from_containers)
        try:
            await server.start(self._address, GATEWAY_ALIAS_PORT)
        except OSError as error:
            where = f"{self._address}:{GATEWAY_ALIAS_PORT}"
            if error.errno == errno.EADDRNOTAVAIL:
                # Docker Desktop: the network is in a virtual machine, from
                # which this machine's loopback address can be reached.
                self._log.info("containers reach the gateway by host-gateway", address=where)
            else:
                self._log.error("containers can't reach the gateway", address=where, error=error)
            return
        self._server, self._listens_at = server, self._address
        self._log.info("listening for containers", url=f"http://{self._address}:{GATEWAY_ALIAS_PORT}")

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.stop(_STOP_SECONDS)
        self._server, self._listens_at = None, ""
