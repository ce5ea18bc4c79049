"""What crosses a process boundary: names, events, calls, results, errors, values.

Services and labkit share these definitions. Nothing here does I/O.
"""
