"""Files in YAML that an operator edits, read strictly: a mistake in one is one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from factory_assets.domain.errors import InputError


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a name given twice, which YAML would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path, *, what: str, setting: str) -> object:
    """What a file holds. `what` is how the operator knows it, `setting` names it.

    Raises:
        InputError: it cannot be read, or is no YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise InputError(
            f"The {what} cannot be read: {error.strerror}.",
            where=str(path),
            fix=f"Set {setting} to a readable file.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"This is no YAML: {text}.", where=str(path), fix="Correct that line.") from None
