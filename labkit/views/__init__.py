"""Frozen records and how they are shown: table, HTML, plot. No I/O."""
