"""The reading of a repo: a model that has not written it says what is wrong, and what it said is kept by commit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from factory_assets.build.disputes import read_disputes
from factory_assets.build.repo_books import RepoBooks, day_of
from factory_assets.build.state import AttemptState
from factory_assets.domain.agents import StructuredModel
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.readings import Finding, ReaderMode, Reading
from factory_assets.gates.material import Material, as_data
from factory_assets.gates.reader import READING, Before, Doubt, Ruling, read_tree, verdict_of
from factory_assets.llm.asking import Asker, Books, NoAnswerError, Request, schema_of
from factory_assets.llm.claude_api_errors import AnswerRefusedError
from factory_assets.llm.prompts import Prompts

Form = TypeVar("Form", bound=BaseModel)

READ, CONFIRM = "reader", "reader_confirm"
_FINDINGS_TOKENS, _RULING_TOKENS = 8_000, 1_000
# What a reader is shown before each line (gates.material), where it has copied that as well.
_NUMBER = re.compile(r"^[ \t]*\d+\| ?", re.MULTILINE)
_FENCE = re.compile(r"\A```(?:json)?\n(.*)\n```\Z", re.DOTALL)


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
        cls, reader: Reader, *, name: str, language: str, books: Books, notify: Callable[[str], None]
    ) -> ModelReader:
        """The reader at work on a repo."""
        asker = Asker(
            about=name,
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
        request = self._request(READ, "reading", material, _FINDINGS_TOKENS, FINDINGS_SCHEMA)
        return self.asker.ask(request, read_findings)

    def rule(self, doubt: Doubt) -> Ruling:
        """See gates.reader.AsksModel."""
        finding, dispute = doubt.finding, doubt.dispute
        told = {
            "finding": as_data(
                f"{finding.kind}, {finding.severity}, {finding.file}:{finding.line}\n"
                f"Quote: {finding.quote}\nWhy: {finding.why}"
            ),
            "dispute": as_data(f"Quote: {dispute.quote}\nWhy: {dispute.why}") if dispute else "",
        }
        request = self._request(
            CONFIRM, "second opinion", doubt.material, _RULING_TOKENS, RULING_SCHEMA, **told
        )
        return self.asker.ask(request, read_ruling)

    def _request(
        self,
        task: str,
        purpose: str,
        material: Material,
        tokens: int,
        schema: Mapping[str, JsonValue],
        **told: str,
    ) -> Request:
        def prompt(reminder: str) -> str:
            return self.prompts.request(
                task, name=self.name, language=self.language, material=material, reminder=reminder, **told
            )

        # Evidence differs from run to run of the same programs over the same tree.
        about = (self.model_name, self.name, *told.values(), material.files, material.not_shown)
        return Request(purpose, self.prompts.instructions(task), prompt, schema, tokens, "\0".join(about))


def read_findings(text: str) -> list[Finding]:
    """The findings of an answer, which has to be of the form alone: a text that holds one may quote it.

    Raises:
        NoAnswerError: it is not.
    """
    answer = _read(_Findings, text)
    return [
        finding.model_copy(update={"quote": _NUMBER.sub("", finding.quote)}) for finding in answer.findings
    ]


def read_ruling(text: str) -> Ruling:
    """A second opinion. Raises as `read_findings`."""
    answer = _read(_Ruling, text)
    return Ruling(answer.is_so, answer.why)


def judge_reading(
    state: AttemptState, reader: Reader, *, commit: str, evidence: Sequence[GateVerdict]
) -> GateVerdict:
    """The verdict of the gate `reading` on a commit that the programs have passed.

    What was read of a commit is kept, so that a run that dies after it pays for none of it again.

    Raises:
        OutOfBudgetError: the repo's budget or the day's has no room for a call.
        FactoryError: the model cannot be asked now, as its routes say; nothing is known of the commit then.
    """
    journal, spec_id = state.tools.journal, state.queued.id
    asked_as = reader.asked_as
    reading = journal.reading_of(spec_id, commit=commit, asked_as=asked_as)
    if reading is None:
        try:
            reading = _read_commit(state, reader, commit=commit, evidence=evidence, asked_as=asked_as)
        except AnswerRefusedError as error:
            return _unread(error, passed=reader.mode is ReaderMode.ADVISE)
        except FactoryError as error:
            if reader.mode is not ReaderMode.ADVISE:
                raise
            return _unread(error, passed=True)
        journal.record_reading(
            spec_id,
            state.queued.attempts,
            commit=commit,
            asked_as=asked_as,
            reading=reading,
            now=state.tools.clock(),
        )
    return verdict_of(reading)


def keep_disputes(state: AttemptState, reader: Reader, commit: str, text: str) -> None:
    """Keep what an agent says against findings, before the commit in which it says so is anything's state."""
    if text.strip():
        reader.answers.store_answer(
            day=day_of(state),
            purpose=f"{state.spec.name} disputes",
            model=state.config.models[Phase.REVIEW],
            prompt_hash=commit,
            text=state.clean(text),
            now=state.tools.clock(),
        )


def _read_commit(
    state: AttemptState, reader: Reader, *, commit: str, evidence: Sequence[GateVerdict], asked_as: str
) -> Reading:
    model = ModelReader.of(
        reader,
        name=state.spec.name,
        language=state.spec.language,
        books=RepoBooks(state, reader.answers),
        notify=lambda line: state.say(Phase.REVIEW, line),
    )
    return read_tree(
        state.repo.tree(commit),
        evidence,
        model,
        before=_before(state, reader, commit, asked_as),
        decides=reader.mode is ReaderMode.DECIDE,
    )


def _before(state: AttemptState, reader: Reader, commit: str, asked_as: str) -> Before | None:
    """The reading that the agent of `commit`, or one before it, was to answer."""
    disputes = ""
    later, earlier = commit, state.repo.parent(commit)
    while earlier is not None:
        disputes = disputes or next(iter(reader.answers.answers_to(day_of(state), later)), "")
        reading = state.tools.journal.reading_of(state.queued.id, commit=earlier, asked_as=asked_as)
        if reading is not None:
            return Before(reading, state.repo.tree(earlier), read_disputes(disputes))
        later, earlier = earlier, state.repo.parent(earlier)
    return None


def _unread(error: FactoryError, *, passed: bool) -> GateVerdict:
    """Who makes the reader decline to read must not pass by it."""
    return GateVerdict(
        gate=READING,
        phase=Phase.REVIEW,
        passed=passed,
        saw=f"not read: {error.what}",
        mend="" if passed else "Take out of the files what a model declines to read.",
    )


def _read(form: type[Form], text: str) -> Form:
    alone = text.strip()
    fenced = _FENCE.match(alone)
    try:
        return form.model_validate_json(fenced[1] if fenced else alone)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise NoAnswerError(f"{place}: {first['msg']}" if place else first["msg"]) from error
