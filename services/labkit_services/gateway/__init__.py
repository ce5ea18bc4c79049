"""The gateway: OpenFaaS's REST API, synchronous forwarding, asynchronous accept, function life."""
