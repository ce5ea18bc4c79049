"""Life of functions: deployments, plans, replicas, scaling.

The provider decides what runs; a ``ReplicaBackend`` runs it, at present as
processes. A backend for Docker would stand beside ``process_backend.py``.
"""
