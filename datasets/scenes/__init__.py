"""Made-up night scenes, in infrared and visible light."""
