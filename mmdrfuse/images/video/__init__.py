"""Videos: frames in, frames and sound out."""
