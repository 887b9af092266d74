"""Objects in pictures: labelled boxes, detectors, and how well the ones find the others."""
