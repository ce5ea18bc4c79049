"""Waiting for changes, and streams of them."""
