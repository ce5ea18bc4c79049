"""The queue-worker: takes accepted calls from JetStream and has them run."""
