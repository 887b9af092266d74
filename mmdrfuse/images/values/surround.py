"""The black surround by which medical slices are told from scenes: `mmdrfuse.pipeline.fuse.automatic` counts it."""

BLACK = 4 / 255
"""Up to which both sides of a pixel are near black."""

MEDICAL = 0.1
"""Share of pixels near black above which a set is medical: at least .43 of medical sets, at most .001 of scenes."""
