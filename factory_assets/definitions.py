"""The code location."""

from factory_assets.location import load_location

defs = load_location()
