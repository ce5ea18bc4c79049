"""The process that owns a lab's processes, and can break them on purpose.

``python -m labkit.supervisor`` runs it in a session of its own. Its standard
input is the lifeline: a pipe whose other end is held by the process that
started it. When that end closes, for whatever reason, the supervisor stops
everything. One that ``labkit up`` has detached has no lifeline. It imports
little beyond asyncio, because its start-up time is part of the lab's.
"""
