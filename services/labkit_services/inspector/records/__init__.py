"""What a bin holds: requests as they came, what was answered, and names."""
