"""The life of a service process: start, log, tasks, metrics, lifeline, end."""
