"""What crosses process boundaries: names, events, calls, results, errors.

Services and labkit share these definitions. Nothing here does I/O.
"""
