"""The calls of the lab, from the event log."""
