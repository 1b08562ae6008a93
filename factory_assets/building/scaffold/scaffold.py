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

from factory_assets.domain.acceptance import NOTHING_AGREED, Acceptance
from factory_assets.domain.evidence import ClaimKind, SpecEvidence
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Language, Spec
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.languages import LANGUAGES
from factory_assets.languages.names import expected_files, names_of

FIRST_VERSION = "0.1.0"
SUMMARY_LENGTH = 200

_CLAIM_TITLES = {
    ClaimKind.PROBLEM: "Problem",
    ClaimKind.METHOD: "Method",
    ClaimKind.COMPETITOR: "Competitors",
    ClaimKind.NUMBER: "Numbers",
}
_COMMON = {"SPEC.md": "common/SPEC.md.j2", "LICENSE": "common/LICENSE.j2"}


@dataclass(frozen=True)
class Scaffold:
    """What was written: SHA-256 of each file's content by its path in the repository."""

    files: Mapping[str, str]


def write_scaffold(
    spec: Spec,
    papers: Sequence[Paper],
    *,
    workspace: Path,
    year: int,
    owner: str,
    acceptance: Acceptance | None = None,
    evidence: SpecEvidence | None = None,
) -> Scaffold:
    """Write the files that every repository of this language starts from into an empty workspace.

    The same arguments give the same bytes. `owner` is the copyright holder, and the account in a Go module's path.
    Of the acceptance the contract and the examples are written, and nothing that is held out; of the evidence what
    may be published.
    """
    names = names_of(spec.name, spec.language)
    values = {
        "spec": spec,
        "papers": papers,
        "names": names,
        "files": expected_files(spec),
        "contract": acceptance.contract if acceptance else NOTHING_AGREED.contract,
        "examples": [held.scenario for held in acceptance.examples] if acceptance else [],
        "evidence": evidence.publishable() if evidence else None,
        "claim_kinds": list(_CLAIM_TITLES.items()),
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
        loader=PackageLoader("factory_assets.building.scaffold", "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
    )
    environment.filters.update(
        line=single_line, cell=_table_cell, summary=_summary, quoted=_quoted, block=_block, code=_code
    )
    return environment


def _quoted(line: str) -> str:
    """A single line as a string that JSON and TOML both read."""
    return json.dumps(line, ensure_ascii=False)


def _code(text: str) -> str:
    """A single line as a code span, whatever stands in it (CommonMark 6.1)."""
    line = single_line(text)
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _block(text: str) -> str:
    """Lines as an indented code block, which no line of theirs can end (CommonMark 4.4)."""
    return "\n".join(f"    {line}" for line in strip_hidden(text).split("\n"))


def _table_cell(text: str) -> str:
    return single_line(text).replace("|", "\\|")


def _summary(text: str) -> str:
    line = single_line(text)
    if len(line) <= SUMMARY_LENGTH:
        return line
    return line[:SUMMARY_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
