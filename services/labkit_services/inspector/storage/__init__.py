"""Where bins and requests are kept."""
