"""The NATS side of services: connection, streams, publishing, following."""
