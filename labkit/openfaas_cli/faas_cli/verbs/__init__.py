"""The verbs of faas-cli, one a module; each has a ``COMMAND``."""
