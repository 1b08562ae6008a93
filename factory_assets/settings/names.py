"""Names that are no settings: misspelt ones would be ignored in silence, and their defaults would rule."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from factory_assets.domain.errors import InputError

# How alike a name must be to be a misspelt setting: GH_TOKEN and the like, which other programs read, are not.
_MISSPELT = 0.85
# How alike it must be to be named as what a name with FACTORY_ may have meant.
_ALIKE = 0.6

_log = logging.getLogger(__name__)


def refuse_unknown(names: Iterable[str], known: Collection[str], *, where: str) -> None:
    """Refuse, in the factory's own file, what begins with FACTORY_ or is very close to a setting.

    Args:
        names: as they are written.
        known: the settings, in lower case.
        where: the file.

    Raises:
        InputError: with the name that was meant.
    """
    for name in names:
        if name.lower() in known:
            continue
        ours = name.upper().startswith("FACTORY_")
        close = get_close_matches(name.lower(), known, n=1, cutoff=_ALIKE if ours else _MISSPELT)
        if ours or close:
            raise InputError(
                f"There is no setting {name}.",
                where=where,
                fix=f"Did you mean {close[0].upper()}?" if close else "See docs/settings.md.",
            )


def warn_of_unknown(names: Iterable[str], known: Collection[str]) -> None:
    """Warn of what is very close to a setting. The environment is every program's: others have FACTORY_ names too."""
    for name in names:
        close = get_close_matches(name.lower(), known, n=1, cutoff=_MISSPELT)
        if close and name.lower() not in known:
            _log.warning("The environment: there is no setting %s. Did you mean %s?", name, close[0].upper())
