"""Start, find and stop a lab from outside; its logs and environment."""
