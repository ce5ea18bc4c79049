"""Functions in containers: the Docker backend of the function provider.

It is imported only if it is chosen: the Docker SDK takes a while to import.
"""
