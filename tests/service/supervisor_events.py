"""The supervisor's events, read from a lab's event stream."""

from __future__ import annotations

from nats.aio.client import Client

from labkit import Lab
from labkit.lab.background_loop import background_loop
from labkit_services.contract.events import Event, decode_batch
from labkit_services.contract.names import EVENT_STREAM, event_subject

SUBJECT = event_subject("supervisor")


def supervisor_events(lab: Lab) -> list[Event]:
    """Return the events published so far; the last may be missing."""
    return background_loop().run(_read(lab), 10)


async def _read(lab: Lab) -> list[Event]:
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    try:
        js = client.jetstream()
        stream = await js.stream_info(EVENT_STREAM, subjects_filter=SUBJECT)
        subscription = await js.subscribe(SUBJECT, stream=EVENT_STREAM, ordered_consumer=True)
        events: list[Event] = []
        for _ in range((stream.state.subjects or {}).get(SUBJECT, 0)):
            events += decode_batch((await subscription.next_msg(timeout=5)).data)
        return events
    finally:
        await client.close()
