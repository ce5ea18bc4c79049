"""The gateway service: OpenFaaS's REST API and the life of functions."""
