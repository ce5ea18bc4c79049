"""What runs as a process of its own: gateway, queue-worker, watchdog, inspector.

Each is ``python -m services.<name>`` and is configured by environment
variables, named as OpenFaaS names them where OpenFaaS has a name.
"""
