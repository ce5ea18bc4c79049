"""YAML as Go's yaml.v3, which the real faas-cli uses, reads and writes it."""
