"""The file of training patches: plan, cut, write, read."""
