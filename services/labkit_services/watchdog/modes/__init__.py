"""The watchdog's modes: one module a mode, and what several of them share."""
