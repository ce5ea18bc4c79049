"""The queue-worker: queued calls to functions, with retries and callbacks."""
