"""One replica of a function: an HTTP server that forks a process for every request.

What OpenFaaS's classic-watchdog does, with its settings, log lines and
answers. The request's body is the process's standard input, its headers are
``Http_*`` environment variables, and what it prints is the answer. With
``mode`` given it does what of-watchdog does.
"""
