"""What pixels say: colour, depth, value ranges and their distribution."""
