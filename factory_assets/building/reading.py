"""The reading of a commit: asked once, kept by the commit, and judged with what an agent says against it."""

from __future__ import annotations

from collections.abc import Collection

from factory_assets.building.disputes import read_disputes
from factory_assets.building.reader import ModelReader, Reader
from factory_assets.building.repo_books import RepoBooks, day_of
from factory_assets.building.state import AttemptState
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.readings import READ_STAGE, ReaderMode, Reading
from factory_assets.gates.documents import DOCUMENT_NAMES
from factory_assets.gates.names import DOCUMENTS, READING
from factory_assets.gates.reader import Before, read_tree, verdict_of
from factory_assets.llm.claude_api_errors import AnswerRefusedError


def judge_reading(state: AttemptState, reader: Reader, commit: str) -> GateVerdict:
    """The verdict of the gate `reading` on a commit that the programs have passed.

    What was read of a commit is kept, so that a run that dies after it pays for none of it again.

    Raises:
        OutOfBudgetError: the repo's budget or the day's has no room for a call.
        FactoryError: the model cannot be asked now, as its routes say; nothing is known of the commit then.
    """
    reading = kept_reading(state, commit)
    if reading is None:
        try:
            reading = _read_commit(state, reader, commit)
        except AnswerRefusedError as error:
            return _unread(error, passed=reader.mode is ReaderMode.ADVISE)
        except FactoryError as error:
            if reader.mode is not ReaderMode.ADVISE:
                raise
            return _unread(error, passed=True)
        state.tools.journal.record_reading(
            state.queued.id,
            state.queued.attempts,
            commit=commit,
            asked_as=reader.asked_as,
            reading=reading,
            now=state.tools.clock(),
        )
    state.add_reading(reading)
    return verdict_of(reading)


def kept_reading(state: AttemptState, commit: str) -> Reading | None:
    """What the reader found in a commit; None where it was not asked, or is asked otherwise by now."""
    reader = state.tools.reader
    if reader is None:
        return None
    return state.tools.journal.reading_of(state.queued.id, commit=commit, asked_as=reader.asked_as)


def is_about_documents(state: AttemptState, commit: str, refused: Collection[GateVerdict]) -> bool:
    """Whether documents are all that is wrong with a commit that these verdicts refuse."""
    gates = {verdict.gate for verdict in refused}
    if READING not in gates:
        return gates == {DOCUMENTS}
    reading = kept_reading(state, commit)
    files = {judged.finding.file for judged in reading.blocking} if reading else set()
    return bool(files) and gates <= {DOCUMENTS, READING} and files <= set(DOCUMENT_NAMES)


def keep_disputes(state: AttemptState, commit: str, text: str) -> None:
    """Keep what an agent says against findings, before the commit in which it says so is anything's state."""
    if state.tools.reader is not None and text.strip():
        state.tools.reader.answers.keep(
            day=day_of(state),
            purpose=f"{state.spec.name} disputes",
            model=state.config.models[Phase.REVIEW],
            prompt_hash=commit,
            text=state.clean(text),
            now=state.tools.clock(),
        )


def _read_commit(state: AttemptState, reader: Reader, commit: str) -> Reading:
    model = ModelReader.of(
        reader,
        name=state.spec.name,
        language=state.spec.language,
        books=RepoBooks(state, reader.answers, READ_STAGE),
        notify=lambda line: state.say(Phase.REVIEW, line),
    )
    return read_tree(
        state.repo.tree(commit),
        state.verdicts,
        model,
        before=_before(state, reader, commit),
        decides=reader.mode is ReaderMode.DECIDE,
    )


def _before(state: AttemptState, reader: Reader, commit: str) -> Before | None:
    """The last reading of a commit before this one, and what agents have said against it since."""
    disputes = ""
    later, earlier = commit, state.repo.parent(commit)
    while earlier is not None:
        disputes = disputes or next(iter(reader.answers.to(day_of(state), later)), "")
        reading = kept_reading(state, earlier)
        if reading is not None:
            return Before(reading, state.repo.tree(earlier), read_disputes(disputes))
        later, earlier = earlier, state.repo.parent(earlier)
    return None


def _unread(error: FactoryError, *, passed: bool) -> GateVerdict:
    """The verdict where no answer came. Who makes the reader decline to read must not pass by that."""
    return GateVerdict(
        gate=READING,
        phase=Phase.REVIEW,
        passed=passed,
        saw=f"not read: {error.what}",
        fix="" if passed else "Take out of the files what a model declines to read.",
    )
