"""The topics of the feed besides calls, and what each is read from."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.live.bin_source import bin_requests
from labkit.live.log_source import log_lines
from labkit.live.sources import SOURCES, Source

TOPICS: Mapping[str, Source] = {**SOURCES, "logs": log_lines, "bin": bin_requests}
"""By topic. A source runs only while a view with its topic is open."""
