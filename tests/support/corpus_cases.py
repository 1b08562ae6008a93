"""The corpus of builds as data: tests/proofs/corpus/cases/<language>/<case>.yaml as what the replay server plays.

See tests/proofs/corpus/cases/README.md for the form of a case. Running one is corpus_harness's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from layout import CORPUS
from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.specs import Language, Spec
from factory_assets.languages import LANGUAGES
from factory_assets.languages.names import names_of
from factory_assets.replay.recordings_model import WORKSPACE, Agreement, Conversation, RecordedReading

CASES = CORPUS / "cases"
PAPER_ID = "2606.01234"
# Whole tokens would make this repository look as if it held secrets: `%join(ghp_,16C7e4)%` is put together here.
_JOIN = re.compile(r"%join\(([^()]*)\)%")
_PHASES = ("build", "seo", "review", "repair")
_COMMON_SCAFFOLD = ("Makefile", ".gitignore", "SPEC.md", "LICENSE")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Verdict(StrEnum):
    """How a case has to end. A contained build ships, because what it tried had no effect on anything."""

    SHIPPED = "shipped"
    CONTAINED = "contained"
    FAILED = "failed"
    DEFERRED = "deferred"
    HELD = "held"


class Expect(_Model):
    """The end of a case. `says` stands in the evidence; `absent` are paths that no shipped commit may hold."""

    verdict: Verdict
    gate: str | None = None
    says: str = ""
    cause: str | None = None
    absent: tuple[str, ...] = ()


class Kill(_Model):
    """When the worker is killed: at the first log line of that phase that holds `at`."""

    phase: str
    at: str = "turn 1"


class Again(_Model):
    """A second run of the same spec, by other settings where some are given, and how that one ends."""

    settings: dict[str, Any] = Field(default_factory=dict)
    expect: Expect


class PhaseScript(_Model):
    """What the model does in one phase; see README.md."""

    write: dict[str, str] = Field(default_factory=dict)
    edit: dict[str, dict[str, str]] = Field(default_factory=dict)
    remove: tuple[str, ...] = ()
    run: tuple[str, ...] | None = None
    first: tuple[dict[str, Any], ...] = ()
    turns: tuple[dict[str, Any], ...] | None = None


class Case(_Model):
    """One case as its file says it."""

    base: str | None = None
    because: str
    expect: Expect
    spec: dict[str, Any] = Field(default_factory=dict)
    abstract: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, float] = Field(default_factory=dict)
    kill: Kill | None = None
    again: Again | None = None
    build: PhaseScript = PhaseScript()
    seo: PhaseScript = PhaseScript()
    review: PhaseScript = PhaseScript()
    repair: PhaseScript = PhaseScript()
    reader: RecordedReading = RecordedReading()
    acceptance: Agreement = Agreement()


class CorpusCase(_Model):
    """A case with its name, its language and the good build it is made from."""

    name: str
    language: Language
    case: Case
    base: Case | None

    @property
    def is_good(self) -> bool:
        """Whether the factory must ship it; every other case must be caught."""
        return self.case.expect.verdict is Verdict.SHIPPED

    @property
    def spec(self) -> Spec:
        """The spec that is queued."""
        base = self.base.spec if self.base else {}
        written = (self.base or self.case).build.write
        return Spec.model_validate(_spec_defaults(self.language, tuple(written)) | base | self.case.spec)

    @property
    def abstract(self) -> str:
        """The abstract of the spec's paper."""
        return self.case.abstract or "We show that small tools which read plain text are useful."

    def conversation(self, places: Mapping[str, str]) -> Conversation:
        """The model's turns; `places` are values of the words between % signs that a run gives."""
        files: dict[str, str] = {}
        raw: dict[str, Any] = {
            "repo": self.spec.name,
            "reader": self.case.reader.model_dump(mode="json"),
            "acceptance": self.case.acceptance.model_dump(mode="json"),
        }
        for phase in _PHASES:
            raw[phase] = self._turns(phase, files)
        return Conversation.model_validate(_put_in(raw, places))

    def _turns(self, phase: str, files: dict[str, str]) -> list[dict[str, Any]]:
        """The turns of one phase; `files` is what stands in the workspace and is brought up to date."""
        own: PhaseScript = getattr(self.case, phase)
        base: PhaseScript = getattr(self.base, phase) if self.base else PhaseScript()
        if own.turns is not None:
            return list(own.turns)
        written = {path: text for path, text in base.write.items() if path not in own.remove} | own.write
        for path, changes in own.edit.items():
            written[path] = _edited(path, written.get(path, files.get(path)), changes)
        turns = list(own.first)
        old = [path for path in written if path in files or path in self._scaffold()]
        if old:  # Claude Code overwrites only what it has read
            turns.append({"calls": [_call("Read", file_path=f"{WORKSPACE}/{path}") for path in old]})
        if written:
            writes = [
                _call("Write", file_path=f"{WORKSPACE}/{path}", content=text)
                for path, text in written.items()
            ]
            turns.append({"say": "I write the files.", "calls": writes})
        commands = own.run if own.run is not None else base.run or ()
        turns += [{"calls": [_call("Bash", command=command)]} for command in commands]
        files |= written
        return [*turns, {"say": "Done."}]

    def _scaffold(self) -> set[str]:
        module = names_of(self.spec.name, self.language).module
        return {
            *_COMMON_SCAFFOLD,
            *(path.format(module=module) for path in LANGUAGES[self.language].scaffold),
        }


def corpus() -> list[CorpusCase]:
    """Every case, by language and name."""
    return list(_cases())


def _cases() -> Iterator[CorpusCase]:
    for file in sorted(CASES.glob("*/*.yaml")):
        case = _read(file)
        base = _read(file.with_name(f"{case.base}.yaml")) if case.base else None
        yield CorpusCase(name=file.stem, language=Language(file.parent.name), case=case, base=base)


@cache
def _read(file: Path) -> Case:
    try:
        return Case.model_validate(yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _spec_defaults(language: Language, files: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": "tidy-tool",
        "problem": "Developers read long plain text by eye.",
        "source_papers": (PAPER_ID,),
        "solution": "A small command that reads text and prints what matters.",
        "language": language,
        "files": files or ("tests",),
        "estimated_lines": 120,
        "complexity": "low",
        "who_pays": "Teams that read much text.",
        "integration_point": "A pipe in CI.",
        "moat": "It is tested.",
    }


def _call(tool: str, **arguments: str) -> dict[str, Any]:
    return {"tool": tool, "input": arguments}


def _edited(path: str, text: str | None, changes: Mapping[str, str]) -> str:
    if text is None:
        raise ValueError(f"{path} cannot be edited: no earlier phase and no base writes it")
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{path} does not hold {old!r}")
        text = text.replace(old, new)
    return text


def _put_in(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _put_in(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_put_in(item, places) for item in value]
    if not isinstance(value, str):
        return value
    text = _JOIN.sub(lambda match: "".join(part.strip() for part in match[1].split(",")), value)
    for name, place in places.items():
        text = text.replace(f"%{name}%", place)
    return text
