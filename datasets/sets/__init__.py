"""The public sets: what is known of them, their layouts, and pairing by name."""
