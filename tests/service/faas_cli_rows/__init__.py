"""Rows of faas-cli's documented invocations, by topic."""
