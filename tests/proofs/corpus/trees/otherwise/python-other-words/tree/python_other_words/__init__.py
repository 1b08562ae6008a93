"""How numbers lie."""
