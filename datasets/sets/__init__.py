"""The public sets: a catalogue, their layouts of folders, and pairing by name."""
