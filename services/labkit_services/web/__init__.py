"""What the services' pages share: the page, its style, who is a browser."""
