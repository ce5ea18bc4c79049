"""The machine's Docker engine: connection, errors, and what labs leave there.

Everything here blocks, and imports the Docker SDK: it is imported only where
functions run in containers.
"""
