"""Capturing a request, and deciding what it is answered with."""
