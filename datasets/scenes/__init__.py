"""Made-up night scenes in infrared and in colour."""
