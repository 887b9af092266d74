"""Two pictures onto one grid of pixels."""
