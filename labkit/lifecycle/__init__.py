"""Start, find and stop a lab from outside."""
