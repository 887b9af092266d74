"""What training minimises: pure functions of tensors, one value a sample, and the features that some compare."""
