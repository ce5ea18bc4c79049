"""Plots of measured runs.

matplotlib is imported only when a plot is drawn: its first import takes
seconds, and most uses of labkit never draw.
"""

from __future__ import annotations

from labkit.views.plots.bands import PredictedWait
from labkit.views.plots.load import plot_rounds, plot_waiting
from labkit.views.plots.picture import Picture
from labkit.views.plots.queue_depth import plot_queue_depth
from labkit.views.plots.timelines import plot_timelines

__all__ = ["Picture", "PredictedWait", "plot_queue_depth", "plot_rounds", "plot_timelines", "plot_waiting"]
