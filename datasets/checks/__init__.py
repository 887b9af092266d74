"""Is a set fit for training and testing: files, near-duplicates, alignment."""
