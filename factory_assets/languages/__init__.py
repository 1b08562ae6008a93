"""What the factory knows of each language."""
