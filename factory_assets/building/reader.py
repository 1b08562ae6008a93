"""The reader of an instance: how a model is asked about a repo that it has not written, and what its answers are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.agents import Purpose, StructuredModel
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.readings import Finding, ReaderMode
from factory_assets.gates.material import Material, as_data
from factory_assets.gates.reader import Doubt, Ruling
from factory_assets.llm.asking import Asker, AskingBooks, Request, read_form, schema_of
from factory_assets.llm.prompts import Prompts

READ, CONFIRM = "reader", "reader_confirm"
_FINDINGS_TOKENS, _RULING_TOKENS = 8_000, 1_000
# What a reader is shown before each line (gates.material), where it has copied that as well.
_NUMBER = re.compile(r"^[ \t]*\d+\| ?", re.MULTILINE)


class _Findings(BaseModel):
    """The form of the first answer."""

    model_config = ConfigDict(extra="forbid")

    findings: list[Finding]


class _Ruling(BaseModel):
    """The form of the second."""

    model_config = ConfigDict(extra="forbid")

    is_so: bool
    why: str


FINDINGS_SCHEMA, RULING_SCHEMA = schema_of(_Findings), schema_of(_Ruling)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The reader of an instance. `answers` keeps what it said, until what was asked is settled."""

    model: StructuredModel
    model_name: str
    mode: ReaderMode
    prompts_dir: Path
    answers: AnswerStore

    @property
    def asked_as(self) -> str:
        """A digest of how it asks: a reading that was asked otherwise is another one."""
        prompts = Prompts(self.prompts_dir)
        words = (self.model_name, self.mode.value, prompts.instructions(READ), prompts.instructions(CONFIRM))
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ModelReader:
    """Asks a model about one repo. Text of the repo goes into the prompt alone, never into the instructions."""

    asker: Asker
    prompts: Prompts
    name: str
    language: str

    @classmethod
    def of(
        cls, reader: Reader, *, name: str, language: str, books: AskingBooks, notify: Callable[[str], None]
    ) -> ModelReader:
        """The reader at work on a repo."""
        asker = Asker(
            about=name,
            purpose=Purpose("reader", name),
            model=reader.model,
            model_name=reader.model_name,
            setting="FACTORY_READER_MODEL",
            books=books,
            notify=notify,
        )
        return cls(asker, Prompts(reader.prompts_dir), name, language)

    @property
    def model_name(self) -> str:
        """See gates.reader.AsksModel."""
        return self.asker.model_name

    def findings(self, material: Material) -> list[Finding]:
        """See gates.reader.AsksModel."""

        def prompt(reminder: str) -> str:
            return self.prompts.request(READ, **self._shown(material), reminder=reminder)

        # The prompt cache is of no use to it: whoever confirms is told other rules, and most repos have nothing to
        # confirm, while a repo is read once, minutes after another.
        instructions, known_by = self.prompts.instructions(READ), self._known_by(material)
        request = Request("reading", instructions, prompt, FINDINGS_SCHEMA, _FINDINGS_TOKENS, known_by)
        return self.asker.ask(request, read_findings)

    def rule(self, doubts: Sequence[Doubt]) -> list[Ruling]:
        """See gates.reader.AsksModel."""
        requests = [self._doubt(doubt) for doubt in doubts]
        later = [{other.beginning for other in requests[at:]} for at in range(1, len(requests) + 1)]
        return [
            self.asker.ask(request, read_ruling, more=request.beginning in others)
            for request, others in zip(requests, later, strict=True)
        ]

    def _doubt(self, doubt: Doubt) -> Request:
        finding, dispute, material = doubt.finding, doubt.dispute, doubt.material
        told = {
            "finding": as_data(
                f"{finding.kind}, {finding.severity}, {finding.file}:{finding.line}\n"
                f"Quote: {finding.quote}\nWhy: {finding.why}"
            ),
            "dispute": as_data(f"Quote: {dispute.quote}\nWhy: {dispute.why}") if dispute else "",
        }

        def prompt(reminder: str) -> str:
            return self.prompts.request(CONFIRM, **told, reminder=reminder)

        return Request(
            "second opinion",
            self.prompts.instructions(CONFIRM),
            prompt,
            RULING_SCHEMA,
            _RULING_TOKENS,
            self._known_by(material, *told.values()),
            material=self.prompts.material(CONFIRM, **self._shown(material)),
        )

    def _shown(self, material: Material) -> dict[str, object]:
        return {"name": self.name, "language": self.language, "material": material}

    def _known_by(self, material: Material, *told: str) -> str:
        """What is asked about. Evidence differs from run to run of the same programs over the same tree."""
        return "\0".join((self.model_name, self.name, *told, material.files, material.not_shown))


def read_findings(text: str) -> list[Finding]:
    """The findings of an answer, which has to be of the form alone: a text that holds one may quote it.

    Raises:
        NoAnswerError: it is not.
    """
    answer = read_form(_Findings, text)
    return [
        finding.model_copy(update={"quote": _NUMBER.sub("", finding.quote)}) for finding in answer.findings
    ]


def read_ruling(text: str) -> Ruling:
    """A second opinion. Raises as `read_findings`."""
    answer = read_form(_Ruling, text)
    return Ruling(answer.is_so, answer.why)
