"""Images: what functions are made of; stand-ins for well-known ones."""
