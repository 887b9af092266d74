"""Watching a run: validation, early stopping, previews, plots, TensorBoard."""
