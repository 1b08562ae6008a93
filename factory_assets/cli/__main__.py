"""`python -m factory_assets.cli`, the same as `factory`."""

from factory_assets.cli.app import main

main()
