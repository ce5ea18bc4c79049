"""The queue-worker: queued calls to functions, with retries and callbacks."""

from labkit_services.runtime.import_on_use import import_nats

import_nats()
