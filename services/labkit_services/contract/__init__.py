"""What services and labkit must agree on, stated once.

Names of subjects, streams, headers and events; the records that travel; the
pure reducer that turns events into calls. Nothing here does network I/O.
"""
