"""``labkit …`` in a terminal: a module for each command or group of commands."""
