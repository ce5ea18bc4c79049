"""Live views of a lab in a notebook: widgets, their feed, their script."""
