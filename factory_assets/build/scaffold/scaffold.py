"""Writing a repository's first files: SPEC.md, LICENSE, Makefile and the language's project file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Language, Spec
from factory_assets.domain.text import single_line
from factory_assets.languages import LANGUAGES
from factory_assets.languages.names import expected_files, names_of

FIRST_VERSION = "0.1.0"
SUMMARY_LENGTH = 200

_COMMON = {"SPEC.md": "common/SPEC.md.j2", "LICENSE": "common/LICENSE.j2"}


@dataclass(frozen=True)
class Scaffold:
    """What was written: SHA-256 of each file's content by its path in the repository."""

    files: Mapping[str, str]


def write_scaffold(
    spec: Spec, papers: Sequence[Paper], *, workspace: Path, year: int, owner: str
) -> Scaffold:
    """Write the files that every repository of this language starts from into an empty workspace.

    The same spec, papers, year and owner give the same bytes. `owner` is the copyright holder, and the account
    in a Go module's path.
    """
    names = names_of(spec.name, spec.language)
    values = {
        "spec": spec,
        "papers": papers,
        "names": names,
        "files": expected_files(spec),
        "version": FIRST_VERSION,
        "year": year,
        "owner": single_line(owner),
        "owner_slug": re.sub(r"[^A-Za-z0-9-]+", "-", owner).strip("-").lower() or "factory",
    }
    hashes: dict[str, str] = {}
    for pattern, template in _templates(spec.language).items():
        path = pattern.format(module=names.module)
        content = _environment().get_template(template).render(values).encode()
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        hashes[path] = hashlib.sha256(content).hexdigest()
    return Scaffold(files=hashes)


def _templates(language: Language) -> dict[str, str]:
    shared = {".gitignore": f"{language}/gitignore.j2", "Makefile": f"{language}/Makefile.j2"}
    own = {path: f"{language}/{template}" for path, template in LANGUAGES[language].scaffold.items()}
    return _COMMON | shared | own


@cache
def _environment() -> Environment:
    # The files are source code and Markdown, where HTML escapes would be wrong.
    environment = Environment(
        loader=PackageLoader("factory_assets.build.scaffold", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )
    environment.filters.update(line=single_line, cell=_table_cell, summary=_summary, quoted=_quoted)
    return environment


def _quoted(line: str) -> str:
    """A single line as a string that JSON and TOML both read."""
    return json.dumps(line, ensure_ascii=False)


def _table_cell(text: str) -> str:
    return single_line(text).replace("|", "\\|")


def _summary(text: str) -> str:
    line = single_line(text)
    if len(line) <= SUMMARY_LENGTH:
        return line
    return line[:SUMMARY_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
