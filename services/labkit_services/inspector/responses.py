"""What a bin answers, and what is sent again: the parts, put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from labkit_services.http import HttpClient
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.config import InspectorConfig
from labkit_services.inspector.resend.forwarding import Forwarder
from labkit_services.inspector.resend.replayer import Replayer
from labkit_services.inspector.resend.sender import Sender
from labkit_services.inspector.resend.targets import AllowedTargets
from labkit_services.inspector.responding.bin_rules import BinRules
from labkit_services.inspector.responding.held_requests import RELEASING, HeldRequests
from labkit_services.inspector.responding.responder import BinResponder
from labkit_services.inspector.routes.forward import ForwardRoutes
from labkit_services.inspector.routes.holds import HoldRoutes
from labkit_services.inspector.routes.replay import ReplayRoutes
from labkit_services.inspector.routes.responses import ResponseRoutes
from labkit_services.inspector.routes.route_group import RouteGroup
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import ChangeKind


@dataclass
class ResponseParts:
    """The responder and the replayer, with their routes."""

    responder: BinResponder
    replayer: Replayer
    routes: list[RouteGroup]
    client: HttpClient = field(default_factory=HttpClient)

    @classmethod
    def build(cls, store: BinStore, config: InspectorConfig, lab: LabAccess) -> ResponseParts:
        """Connect the parts to each other and to the store."""

        def gateway_url() -> str:
            return config.gateway_url or str(lab.state()["gateway_url"])

        client = HttpClient()
        servers = [urlsplit(url.strip()).port for url in config.nats_url.split(",") if url.strip()]
        closed = tuple(port for port in servers if port is not None)
        targets = AllowedTargets(config.allow_targets, gateway_url, closed)
        sender = Sender(client, config.max_body)
        rules, holds, forwarder = BinRules(), HeldRequests(), Forwarder(targets, sender)
        store.listeners.add(rules.on_deleted, ChangeKind.BIN_DELETED)
        store.listeners.add(forwarder.on_deleted, ChangeKind.BIN_DELETED)
        store.listeners.add(holds.on_change, *RELEASING)
        replayer = Replayer(store, targets, sender, holds)
        routes: list[RouteGroup] = [
            ResponseRoutes(store, rules),
            HoldRoutes(store, holds),
            ForwardRoutes(store, forwarder),
            ReplayRoutes(store, replayer),
        ]
        return cls(BinResponder(rules, holds, forwarder), replayer, routes, client)

    def stop(self) -> None:
        """Answer what waits with 503, and give up what is being sent."""
        self.responder.close()
        self.replayer.close()
