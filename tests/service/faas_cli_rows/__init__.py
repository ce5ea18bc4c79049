"""Rows of faas-cli's documented invocations, by what they are about."""
