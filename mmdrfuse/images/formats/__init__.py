"""One module for each format that needs more than Pillow."""
