"""The values of pixels: colour, ranges and histograms."""
