"""Views of the lab, live in a notebook."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING, Any

from labkit.clients.lab_watch import guarded
from labkit.lab.arguments import checked
from labkit.lab.background_loop import blocking
from labkit.lab.methods.parts import LabParts, view_parts
from labkit.language import translated
from labkit.live.control_list import ControlList
from labkit.live.display import FLOW, GAUGE, LOGS, PANEL, TIMELINE, live_card
from labkit.live.log_source import last_merged_lines
from labkit.live.parts import settings_of
from labkit.service_names import full_name
from labkit.views.flow import CallFlow
from labkit.views.log_lines import LogLines
from labkit.views.queue_status import QueueFigures
from labkit.views.timeline.picture import CallTimeline
from labkit_services.call_record.call import Call
from labkit_services.call_record.fault_spans import FaultSpan, fault_spans
from labkit_services.contract.names import short_function_name

if TYPE_CHECKING:
    from labkit.live.flow import FlowView
    from labkit.live.gauge import GaugeView
    from labkit.live.logs import LogsView
    from labkit.live.panel import PanelView
    from labkit.live.timeline import TimelineView


class AsyncLabViews(LabParts):
    """``LabViews``, as coroutines."""

    @guarded
    async def timeline(self, function: str = "", *, last: int = 50) -> CallTimeline:
        """Return the timeline of the latest calls, of one function or of all.

        It shows itself as a picture in a notebook, and as text elsewhere.
        """
        calls, faults = await self._calls_and_faults(function)
        return CallTimeline(tuple(calls), tuple(faults), time.time_ns(), most=last)

    @guarded
    async def flow(self, function: str = "") -> CallFlow:
        """Return how many calls are where, of one function or of all.

        It shows itself as a picture in a notebook, and as text elsewhere.
        """
        return CallFlow.of(*await self._calls_and_faults(function))

    async def _calls_and_faults(self, function: str) -> tuple[list[Call], list[FaultSpan]]:
        events = await self.connections.call_events()
        await events.catch_up()
        name = short_function_name(function)
        calls = [call for call in events.log.calls if name in ("", call.function)]
        return calls, fault_spans(events.lab_events)

    @guarded
    async def gauge(self, queue: str = "") -> QueueFigures:
        """Return the figures of one queue, or of all, as a table."""
        statuses = await self.connections.gateway.queues()
        return QueueFigures(status for status in statuses if queue in ("", status.name))

    async def live_logs(self, *services: str, tail: int = 200) -> LogLines:
        """Return the last lines of several logs, merged by time.

        Args:
            services: Names of services and functions; none are all.
            tail: How many lines; 1 to 500.
        """
        names = [full_name(name) for name in services]
        return LogLines(tuple(await last_merged_lines(self._link, names, tail)))

    def card_html(self) -> str:
        """Return the lab's card as HTML."""
        # Saved with the notebook, so without the token that opens the page.
        inspector, note = html.escape(self.state.inspector_url), self.state.port_note
        shown_note = f"<p>{translated('Note: ')}{html.escape(translated(note))}{translated('.')}</p>"
        return (
            f"<p><b>{translated('The lab is ready.')}</b> "
            f"{translated('gateway')} <code>{html.escape(self.state.gateway_url)}</code> · "
            f'{translated("inspector")} <a href="{inspector}/" target="_blank"><code>{inspector}</code></a> '
            + translated("(to open its page for the first time: <code>!labkit status</code>)")
            + "</p>"
            + (shown_note if note else "")
        )

    async def panel(self) -> ControlList:
        """Return the list of the panel's controls."""
        return ControlList(str(settings_of("panel", self.state)["lang"]))


class LabViews:
    """Views of the lab, live in a notebook."""

    _async: AsyncLabViews

    _call_timeline = blocking(AsyncLabViews.timeline)
    _call_flow = blocking(AsyncLabViews.flow)
    _queue_figures = blocking(AsyncLabViews.gauge)
    _last_log_lines = blocking(AsyncLabViews.live_logs)
    _control_list = blocking(AsyncLabViews.panel)

    @checked
    def timeline(self, function: str = "", *, last: int = 50) -> CallTimeline | TimelineView:
        """Return the timeline of the latest calls, of one function or of all.

        In a notebook it is live: calls appear and grow while they run, also
        while a cell waits. Elsewhere it shows itself as text. ``svg``,
        ``text`` and ``save`` have it as it is now.

        Args:
            function: Only this function's calls.
            last: How many calls at most, from the beginning on.
        """
        still = self._call_timeline(function, last=last)
        return TIMELINE.show(still, view_parts(self._async, "timeline", function=function, last=last))

    @checked
    def flow(self, function: str = "") -> CallFlow | FlowView:
        """Return the way of the calls, of one function or of all.

        In a notebook it is live: each call is a dot that moves from the client
        to its callback as it happens, with what waits and why. Elsewhere it
        shows itself as text; ``svg``, ``text`` and ``save`` have it as it is
        now.
        """
        still = self._call_flow(function)
        return FLOW.show(still, view_parts(self._async, "flow", function=short_function_name(function)))

    @checked
    def gauge(self, queue: str = "") -> QueueFigures | GaugeView:
        """Return the figures of one queue, or of all.

        In a notebook they are live: depth, in flight, dead letters, how many
        calls come and leave per second, and when it is empty at this pace.
        Elsewhere they are a table of the moment.
        """
        return GAUGE.show(self._queue_figures(queue), view_parts(self._async, "gauge", queue=queue))

    @checked
    def panel(self) -> ControlList | PanelView:
        """Return the control panel: send calls, change limits, break things.

        Its controls work while a cell waits. Where no widget can be shown it
        is a list of them, each with the Python call that does the same.
        """
        return PANEL.show(self._control_list(), view_parts(self._async, "panel"))

    @checked
    def live_logs(self, *services: str, tail: int = 200) -> LogLines | LogsView:
        """Return the logs of services and functions, merged by time.

        In a notebook they are live: lines appear as they are written, also
        while a cell waits, and while a service is down. Elsewhere it shows
        itself as the last lines.

        Args:
            services: Names of services and functions, such as
                ``queue-worker``; none are all.
            tail: How many lines it begins with; 1 to 500.
        """
        still = self._last_log_lines(*services, tail=tail)
        names = sorted(map(full_name, services))
        return LOGS.show(still, view_parts(self._async, "logs", services=names, tail=tail))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = view_parts(self._async, "card", note=self._async.state.port_note)
        return live_card(repr(self), self._repr_html_(), parts)

    def _repr_html_(self) -> str:
        return self._async.card_html()
