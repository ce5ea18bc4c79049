"""A learner's own copies of the notebooks, which no update throws away."""
