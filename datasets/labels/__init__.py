"""Labelled boxes of the usual formats, read into `mmdrfuse.detection.labels.Labels`."""
