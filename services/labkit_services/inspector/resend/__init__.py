"""Sending requests to other servers: forward, replay, allowed targets."""
