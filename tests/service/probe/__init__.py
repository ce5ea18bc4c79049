"""A service that only tells what kind of process it is: forked or spawned, it has to say the same."""
