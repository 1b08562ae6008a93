"""The code location."""

from factory_assets.build_defs import build_defs
from factory_assets.settings import load_settings

defs = build_defs(load_settings())
