"""Options, messages, tables and helpers that several commands share."""
