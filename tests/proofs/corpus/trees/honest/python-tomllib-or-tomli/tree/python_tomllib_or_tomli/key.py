"""Reading a key of a TOML document."""

from typing import Any

try:
    import tomllib
except ImportError:
    import tomli as tomllib


def value_of(document: str, key: str) -> Any:
    """The value of a key, whose parts are joined by dots.

    Raises:
        KeyError: there is none.
    """
    value: Any = tomllib.loads(document)
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise KeyError(key)
        value = value[part]
    return value


def keys_of(document: str) -> list[str]:
    """The keys at the top, in order."""
    return sorted(tomllib.loads(document))
