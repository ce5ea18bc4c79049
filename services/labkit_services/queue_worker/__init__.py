"""The queue-worker: delivers queued calls to the functions, with retries and callbacks."""
