"""The life of a service process: settings, signals, log, metrics."""
