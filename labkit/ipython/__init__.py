"""What IPython runs and shows: ``%%function``, and errors as boxes."""
