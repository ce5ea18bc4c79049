"""The lab's store: whether it can be written, and what damage it has."""
