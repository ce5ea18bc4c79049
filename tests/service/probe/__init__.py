"""A service that describes its process, whether forked or spawned."""
