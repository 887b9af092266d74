"""Check whether a set is fit for training and testing: files, near-duplicates, alignment."""
