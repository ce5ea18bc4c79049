"""The verbs, one a module; each has a ``COMMAND``."""
