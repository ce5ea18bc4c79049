"""Functions from Python source: checked, built and deployed by faas-cli."""
