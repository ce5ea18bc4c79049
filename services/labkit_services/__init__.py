"""The services of a lab, a package each, and the packages that they share.

Services: gateway, queue_worker, watchdog, inspector, fork_server; each is
``python -m labkit_services.<name>``, configured by environment variables with
OpenFaaS's names where OpenFaaS has one. Shared: contract, call_record, images,
runtime, http, jetstream.
"""
