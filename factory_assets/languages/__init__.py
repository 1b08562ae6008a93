"""The languages that the factory builds in: one record each, in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping

from factory_assets.domain.specs import Language
from factory_assets.languages.base import LanguageRecord
from factory_assets.languages.bash import BASH
from factory_assets.languages.go import GO
from factory_assets.languages.python import PYTHON
from factory_assets.languages.rust import RUST
from factory_assets.languages.typescript import TYPESCRIPT

LANGUAGES: Mapping[Language, LanguageRecord] = {
    record.language: record for record in (GO, PYTHON, TYPESCRIPT, BASH, RUST)
}
