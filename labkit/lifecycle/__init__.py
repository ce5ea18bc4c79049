"""Start, find and stop a lab from outside; read its logs."""
