"""Timelines of calls, as text and as SVG."""
