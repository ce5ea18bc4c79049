"""``labkit …`` in a terminal: a module for each group of commands."""
