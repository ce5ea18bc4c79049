"""The NATS side of the services: connection, publishing, streams."""
