"""Request bins."""

from __future__ import annotations

from labkit.clients.lab_watch import guarded
from labkit.lab.arguments import checked
from labkit.lab.background_loop import blocking
from labkit.lab.bin import AsyncBin, Bin
from labkit.lab.methods.parts import LabParts, view_parts
from labkit.lifecycle.jupyter_server import proxied_address


class AsyncLabBins(LabParts):
    """``LabBins``, as coroutines."""

    @guarded
    async def bin(self, name: str) -> AsyncBin:
        """Return a request bin, to send callbacks to; create it if needed."""
        await self.connections.inspector.create(name)
        return AsyncBin(name, self.connections, proxied_address(self.workspace))


class LabBins:
    """Request bins."""

    _async: AsyncLabBins

    _async_bin = blocking(AsyncLabBins.bin)

    @checked
    def bin(self, name: str) -> Bin:
        """Return a request bin, to send callbacks to; create it if needed.

        In a notebook it shows what arrives, live.
        """
        return Bin(self._async_bin(name), view_parts(self._async, "bin", bin=name))
