"""The fork server: a Python with the services imported, which forks.

Without it, importing the same modules in one process after the other took two
thirds of a lab's cold start, and nearly all of a replica's. A forked process
has them at once, and shares their memory until it writes to it.

Only on Linux, and only in a lab. Elsewhere, and whenever the fork server is
not available, a service is spawned: ``python -P -m labkit_services.NAME``.
``child.py`` describes how a forked process is made the same as a spawned one,
and ``client.py`` how one is requested. ``multiprocessing.forkserver`` has the
same idea, but its children are workers of one program: they run pickled
objects in its environment, without standard streams, a working directory or a
process group of their own.

How it ends: the fork server has a lifeline, as every service has (a pipe on
standard input whose write end only the parent holds, so that it ends with the
parent), and nothing to clean up. The lifeline of a forked process is held by
its requester; the fork server keeps neither end. So when the fork server is
killed, its children live on. They become the supervisor's, which learns of
their exits from the system; to the gateway, their exit codes are unknown.
"""
