"""Fuse pictures, huge pictures and videos: one way for all three.

Read the modules in this order:

- `choices`: what the user chooses, one object for a whole run;
- `fuser`: one pair of arrays to one picture;
- `folder`: a list of pairs to pictures in a folder, with a manifest;
- `whole`, `blocks`, `video`: the three kinds of input, a pair in one piece, in blocks, or as frames;
- `set_ranges`: what has to be the same for all of them, found before the first is fused;
- `targets`, `manifest`, `resume`: what may be written, how each picture was made, and which need not be made again.
"""
