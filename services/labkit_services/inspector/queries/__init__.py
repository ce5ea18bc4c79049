"""Finding requests in a bin."""
