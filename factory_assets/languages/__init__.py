"""The languages that the factory builds in: one record each, in the module of its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from factory_assets.domain.specs import Language
from factory_assets.languages.base import LanguageRecord

LANGUAGES: Mapping[Language, LanguageRecord] = {
    language: import_module(f"{__name__}.{language}").RECORD for language in Language
}
LOCK_FILES = frozenset(record.packages.lock for record in LANGUAGES.values()) - {""}
"""The lock files that resolving writes, at the top of a repo."""
