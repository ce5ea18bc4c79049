"""A service that describes its process; a forked one must equal a spawned one."""
