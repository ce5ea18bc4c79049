"""Images, which functions are made of: descriptions and files."""
