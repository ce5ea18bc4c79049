"""Build an image from a Dockerfile without Docker, by BuildKit's rules."""
