"""The shipped weights: safetensors files, each with its model card in the file's metadata."""
