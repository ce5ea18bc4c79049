"""Requests as other programs write and read them; signature verdicts."""
