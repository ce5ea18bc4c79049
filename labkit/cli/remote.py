"""What commands do while ``LABKIT_GATEWAY`` names an OpenFaaS."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import click

from labkit.default_settings import GATEWAY_VARIABLE, default_gateway
from labkit.errors import NotAvailableError
from labkit.views.remote_status import RemoteStatus


def show_remote_status(as_json: bool) -> None:
    """Print what the OpenFaaS says of itself.

    Raises:
        RemoteGatewayError: It can't be used; says why.
    """
    status = asyncio.run(_status())
    if as_json:
        click.echo(json.dumps({"remote": asdict(status)}))
        return
    click.echo(f"{GATEWAY_VARIABLE} is set: Lab.start() connects to this OpenFaaS, and starts no lab.")
    click.echo(repr(status))


async def _status() -> RemoteStatus:
    from labkit.remote.address import remote_address
    from labkit.remote.gateway_client import RemoteGatewayClient
    from labkit.remote.observed_calls import ObservedCalls

    client = RemoteGatewayClient(remote_address(default_gateway()), ObservedCalls())
    try:
        return await client.status()
    finally:
        await client.close()


def require_no_gateway() -> None:
    """Raise an error if an OpenFaaS elsewhere is used: no lab is needed.

    Raises:
        NotAvailableError: Says which, and how to start a lab all the same.
    """
    if default_gateway():
        from labkit.remote.address import remote_address

        raise NotAvailableError(
            "No lab was started: notebooks use an OpenFaaS elsewhere.",
            expected=f"{GATEWAY_VARIABLE} not to be set",
            seen=f"{GATEWAY_VARIABLE}={remote_address(default_gateway()).url}",
            next_step=f"look at it: labkit status; or start a lab: env -u {GATEWAY_VARIABLE} labkit up",
        )
