"""The `factory` command."""

from factory_assets.cli.app import main

__all__ = ["main"]
