"""Fuse a labelled set by several methods, and write it as trainers of detectors read it.

`plan` chooses the pairs with labels and their split, `methods` says how each method fuses, `formats` writes the labels,
and `run` does it all.
"""
