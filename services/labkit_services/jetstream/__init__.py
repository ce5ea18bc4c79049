"""The NATS side of the services: connection, streams, publishing, following."""
