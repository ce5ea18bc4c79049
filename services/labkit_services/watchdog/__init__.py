"""One replica of a function: an HTTP server that runs the function's processes.

It does what OpenFaaS's classic-watchdog does, with its settings, log lines and
responses: each request starts a process. The body is the process's standard
input, the headers are ``Http_*`` environment variables, and the output is the
response. With ``mode`` set it does what of-watchdog does.
"""
