"""What the user writes down for the suite to read: recipes, goals and matrices, as YAML. Nothing here needs torch."""
