"""Frozen records, and how they show themselves: text, HTML, plot. No I/O."""
