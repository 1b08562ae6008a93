"""What operators read of the settings: docs/settings.md and `.env.example`, written from the fields themselves."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from factory_assets.settings.kinds import PROJECT_ROOT
from factory_assets.settings.model import Settings

PAGE, EXAMPLE = PROJECT_ROOT / "docs" / "settings.md", PROJECT_ROOT / ".env.example"
_BEGIN, _END = "<!-- settings: written by `make settings-docs` -->\n", "<!-- end of settings -->\n"
_EXAMPLE_HEAD = """\
# Settings of the live factory. Copy what you change into .env (`make setup` makes one, with the places in it).
# A line that is commented out shows the default. This file is written by `make settings-docs`.
"""


def with_tables(page: str) -> str:
    """The text of docs/settings.md with the tables of today's settings between its two marks."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    tables = "\n".join(map(_table, _groups()))
    return f"{before}{_BEGIN}\n{tables}\n{_END}{after}"


def example() -> str:
    """The text of `.env.example`."""
    return "\n".join([_EXAMPLE_HEAD, *map(_assignments, _groups())])


def _groups() -> list[type[BaseModel]]:
    return [base for base in Settings.__bases__ if base is not BaseSettings]


def _title(group: type[BaseModel]) -> str:
    return (inspect.getdoc(group) or "").splitlines()[0].removesuffix(".")


def _table(group: type[BaseModel]) -> str:
    rows = [
        f"| `{name.upper()}` | {f'`{default}`' if default else ''} | {_described(field)} |\n"
        for name, field in group.model_fields.items()
        for default in [_default(field)]
    ]
    return "".join([f"**{_title(group)}**\n\n| setting | default | what it is |\n|---|---|---|\n", *rows])


def _assignments(group: type[BaseModel]) -> str:
    lines = [
        f"# {_described(field)}\n#{name.upper()}={_default(field)}\n"
        for name, field in group.model_fields.items()
    ]
    return "".join([f"# --- {_title(group)}\n", *lines])


def _described(field: FieldInfo) -> str:
    return field.description or ""


def _default(field: FieldInfo) -> str:
    """As it would be written in `.env`; empty where there is none."""
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path):
        return str(value.relative_to(PROJECT_ROOT) if value.is_absolute() else value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value in (None, {}) else str(value)


def main() -> None:
    """Write both files anew."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")


if __name__ == "__main__":
    main()
