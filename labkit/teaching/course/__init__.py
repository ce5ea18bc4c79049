"""What the notebooks ask, a module for each: ``n01`` is notebook 01's."""
