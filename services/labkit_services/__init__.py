"""The services: gateway, queue-worker, watchdog, inspector.

Each is ``python -m labkit_services.<name>`` and is configured by environment
variables, with OpenFaaS's names where OpenFaaS has one.
"""
