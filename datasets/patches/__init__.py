"""Files of training patches: cut, written, read, and resumed after an interruption."""
