"""What the factory's own run of pytest keeps of a repo's settings: how modules are imported and async tests are run."""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Iterator, Mapping

from factory_assets.domain.trees import Tree
from factory_assets.languages.project_files import read_toml, table

_KEPT = frozenset(
    {"anyio_mode", "asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope", "asyncio_mode"}
)
# See https://docs.pytest.org/en/stable/reference/customize.html.
_INI_SECTIONS = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}
_TOML_TABLES = {
    "pyproject.toml": ("tool", "pytest", "ini_options"),
    "pytest.toml": ("pytest",),
    ".pytest.toml": ("pytest",),
}


def kept_options(tree: Tree) -> list[str]:
    """These settings as options of pytest."""
    modes: list[str] = []
    kept: dict[str, str] = {}
    for options in _declared(tree):
        modes += [word for word in _words(options.get("addopts", "")) if word.startswith("--import-mode=")]
        kept |= {name: str(value) for name, value in options.items() if name in _KEPT}
    return [*modes, *(part for name, value in sorted(kept.items()) for part in ("-o", f"{name}={value}"))]


def _declared(tree: Tree) -> Iterator[Mapping[str, object]]:
    for path, section in _INI_SECTIONS.items():
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(tree[path].text if path in tree else "")
        except configparser.Error:
            continue
        if parser.has_section(section):
            yield dict(parser[section])
    for path, keys in _TOML_TABLES.items():
        yield table(read_toml(tree, path), *keys)


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(word) for word in value]
    try:
        return shlex.split(str(value))
    except ValueError:
        return str(value).split()
