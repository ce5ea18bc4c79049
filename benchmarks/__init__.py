"""Every path measured next to its baseline: ``make bench``."""
