"""The fork server: one Python that has imported every service, and forks a new one on request.

Two thirds of a lab's cold start, and nearly all of a replica's, was Python importing the same modules
in one process after the other. A fork has them at once, and shares their memory until it writes to it.

Only on Linux, and only in a lab. Everywhere else, and whenever the fork server is not there, a service is
spawned: ``python -P -m services.NAME``. ``child.py`` says how a forked one is kept the same, and
``contract/forking.py`` how it is asked for. ``multiprocessing.forkserver`` has the same idea, but its
children are workers of one program: they run pickled objects in its environment, without standard streams, a
working directory or a process group of their own.

How it ends. The fork server has a lifeline, as every service has, and nothing to tidy up. The lifeline of
what it forks is held by whoever asked for that; the fork server keeps neither end. So when it is killed,
its children live on. They become the supervisor's, which hears of their ends from the system then; to the
gateway, an exit code is unknown.
"""
