"""Jupyter's server: its terminals and kernels find the lab's tools."""
