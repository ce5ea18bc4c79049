"""The one process that owns all others of a lab: ``python -m labkit.supervisor``.

It lives in a session of its own. Its standard input is the lifeline: the
process that started it holds the other end, and when that end closes, for
whatever reason, everything is torn down. It imports next to nothing beyond
asyncio, because all of its start-up time is start-up time of the lab.
"""
