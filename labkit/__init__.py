"""labkit: a small, real OpenFaaS on your own machine, to learn asynchronous functions with."""

from __future__ import annotations
