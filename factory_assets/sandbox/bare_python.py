"""The Python that untrusted programs get: the interpreter below the factory's own environment, with pytest and pip.

In the factory's environment a repo could import what it never declared, and tell that the factory runs it.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import sys
import sysconfig
import venv
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from factory_assets.folders import remove_folder
from factory_assets.locks import path_lock

SHOWN = Path("/opt/python")
"""Where a contained program sees it."""

_GIVEN = ("pytest", "pip")
_LIBRARY = Path(sysconfig.get_path("purelib", "venv", vars={"base": ""})).relative_to("/")
_RUN_MODULE = '#!/bin/sh\nexec python3 -m {} "$@"\n'


@cache
def bare_python() -> Path:
    """The folder of a virtual environment with pytest, pip and what they need; made once for each release of them.

    It may be shown at another place: nothing in it names the folder.
    """
    found = list(_closure(_GIVEN))
    held = sorted(f"{one.name}=={one.version}" for one in found)
    name = hashlib.sha256("\n".join([sys.version, sys.base_prefix, *held]).encode()).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "software-factory" / "python"
    caches.mkdir(parents=True, exist_ok=True)
    with path_lock(caches / "lock"):
        made = caches / name
        if not made.is_dir():
            half = caches / f"{name}.half"
            remove_folder(half)
            _make(half, found)
            half.rename(made)
    return made


def _make(folder: Path, distributions: list[Distribution]) -> None:
    venv.EnvBuilder(symlinks=True).create(folder)
    # https://docs.python.org/3/library/site.html: all else that venv writes there tells of the factory.
    home = Path(sys.executable).resolve().parent
    (folder / "pyvenv.cfg").write_text(
        f"home = {home}\ninclude-system-site-packages = false\n", encoding="utf-8"
    )
    library = folder / _LIBRARY
    for one in distributions:
        for file in one.files or ():
            source = Path(str(one.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and source.is_file():
                target = library / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    compileall.compile_dir(library, quiet=2, stripdir=str(folder), prependdir=str(SHOWN))
    for script in (folder / "bin").iterdir():
        if not script.name.startswith("python"):
            script.unlink()
    for module in _GIVEN:
        script = folder / "bin" / module
        script.write_text(_RUN_MODULE.format(module), encoding="ascii")
        script.chmod(0o755)


def _closure(names: tuple[str, ...]) -> Iterator[Distribution]:
    """The distributions of these names and all that they require, as the factory's own environment has them."""
    asked, seen = list(names), set[str]()
    while asked:
        name = asked.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            one = distribution(name)
        except PackageNotFoundError:
            # pip, in an environment that another installer made.
            continue
        yield one
        needs = map(Requirement, one.requires or ())
        asked += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
