"""The request inspector: bins that take every request and show it, in place of a public requestbin.

Whatever is sent to ``/r/NAME`` or ``/NAME`` is kept, byte for byte, and can be
looked at on a page, listed by JSON, and waited for. Captures live in memory:
a restart forgets them, and the bins with them.
"""
