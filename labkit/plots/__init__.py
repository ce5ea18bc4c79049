"""Pictures of measured runs.

matplotlib is imported only when a picture is drawn: its first import takes
seconds, and most of labkit never draws.
"""

from __future__ import annotations

from labkit.plots.picture import Picture
from labkit.plots.queue_depth import plot_queue_depth
from labkit.plots.timelines import plot_timelines

__all__ = ["Picture", "plot_queue_depth", "plot_timelines"]
