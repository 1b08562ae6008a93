"""One phase of an attempt: its agent works on what the phase before left, and the work is made to last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from factory_assets.building.disputes import is_disputable, take_disputes
from factory_assets.building.endings import Endings
from factory_assets.building.git_objects import OversizedError
from factory_assets.building.prompts import STOPPED_NOTE, render_prompt, render_repair_prompt
from factory_assets.building.put_back import laid_again, not_its_business
from factory_assets.building.reading import keep_disputes
from factory_assets.building.sessions import AgentSessions, Work
from factory_assets.building.state import AttemptState
from factory_assets.building.waiting import wait_after_agent, wait_for_budget
from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.builds import GateVerdict, Phase, PhaseRecord, Usage, WaitCause
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.trees import changed_paths
from factory_assets.folders import fresh_folder
from factory_assets.gates.names import TREE_SAFE

_MESSAGES = {Phase.BUILD: "Build", Phase.SEO: "Document", Phase.REVIEW: "Review"}


class Phases:
    """The phases of one attempt. Each ends in a commit that a later run goes on from."""

    def __init__(self, state: AttemptState, endings: Endings) -> None:
        self._state = state
        self._endings = endings
        self._done = state.repo.phases_done()
        self._sessions = AgentSessions(state)

    def do(self, phase: Phase, before: str) -> str:
        """The commit of a phase, from an earlier run or made now from `before`.

        Raises:
            EndedError: the agent did not do it, the build's time is over, or it cannot go on now.
        """
        state = self._state
        state.tools.journal.enter_phase(state.queued.id, phase)
        if phase in self._done:
            state.say(phase, "done by an earlier run; judged again")
            return self._done[phase]
        if state.seconds_left <= 0:
            self._endings.fail_clock(phase, before)
        stopped = state.repo.stopped(phase)
        files = self._lay_out(stopped or before)
        prompt = render_prompt(
            phase,
            state.spec,
            workspace=state.workspace,
            turns=state.config.turns(phase, state.spec),
            files=files,
            prompts_dir=state.config.prompts_dir,
            has_contract=bool(state.acceptance and state.acceptance.active),
        )
        with self._nothing_lost(phase, before):
            work = self._sessions.run(phase, prompt + STOPPED_NOTE if stopped else prompt)
        self._refuse_undone(phase, before, work)
        commit = self._commit(phase, before, f"{_MESSAGES[phase]} {state.spec.name}", by=phase)
        return self._finish(phase, commit, work, known=None)

    def repair(
        self, phase: Phase, commit: str, *, by: Phase, number: int, refused: tuple[GateVerdict, ...]
    ) -> str:
        """The commit in which an agent has fixed what gates refused in the phase's `commit`; not yet judged.

        It is the agent of the phase `by`, with that one's model, tools and dollars.

        Raises:
            EndedError: it did not end the round, so that what was refused stays refused; or it cannot go on now.
        """
        state = self._state
        state.say(phase, f"repair round {number} of {state.config.repair_rounds}, by the agent of {by}")
        stopped = state.repo.stopped(phase)
        prompt = render_repair_prompt(
            by,
            state.spec,
            number=number,
            verdicts=refused,
            workspace=state.workspace,
            turns=state.config.turns(by, state.spec),
            files=self._lay_out(stopped or commit),
            prompts_dir=state.config.prompts_dir,
        )
        with self._nothing_lost(phase, commit):
            work = self._sessions.run(by, prompt + STOPPED_NOTE if stopped else prompt)
        self._put_off_if_outside(phase, commit, work, by=by)
        # Taken out before anything is committed; kept by the commit that it came with.
        disputes = take_disputes(state.workspace) if is_disputable(refused) else ""
        repaired = self._commit(phase, commit, f"Repair {state.spec.name}", by=by)
        keep_disputes(state, repaired, disputes)
        if work.outcome.kind is not OutcomeKind.DONE:
            note = f"The repair round did not fix it: the agent ended {work.outcome.kind}"
            detail = f" ({work.outcome.detail})" if work.outcome.detail else ""
            self._endings.fail_gate(phase, repaired, refused, note=f"{note}{detail}.")
        return self._finish(phase, repaired, work, known=self._recorded(phase))

    def _lay_out(self, commit: str) -> list[str]:
        workspace = fresh_folder(self._state.workspace)
        self._state.repo.export(commit, workspace)
        return sorted(self._state.repo.tree(commit))

    def _refuse_undone(self, phase: Phase, before: str, work: Work) -> None:
        if work.outcome.kind is OutcomeKind.DONE:
            return
        self._put_off_if_outside(phase, before, work, by=phase)
        if self._state.seconds_left <= 0:
            self._endings.fail_clock(phase, before)
        self._endings.fail_agent(phase, before, work.outcome)

    @contextmanager
    def _nothing_lost(self, phase: Phase, before: str) -> Iterator[None]:
        """Keep what lies in the workspace where an error ends the agent's work, or the run is asked to end."""
        try:
            yield
        except BaseException:
            # What ended the run is what is told, also where it (a full disk, say) lets nothing be kept.
            with suppress(FactoryError, OSError):
                self._keep(phase, before, WaitCause.INFRASTRUCTURE)
            raise

    def _keep(self, phase: Phase, before: str, cause: WaitCause) -> None:
        """Keep what the agent has done in the workspace so far, for the run that goes on from there."""
        repo = self._state.repo
        try:
            commit = self._state.commit(
                self._state.workspace,
                parent=before,
                title=f"Stopped {phase} of {self._state.spec.name}: {cause}",
            )
        except OversizedError:
            return
        if changed_paths(repo.tree(repo.stopped(phase) or before), repo.tree(commit)):
            repo.keep_stopped(phase, commit)

    def _commit(self, phase: Phase, before: str, title: str, *, by: Phase) -> str:
        state = self._state
        try:
            made = state.commit(state.workspace, parent=before, title=title)
        except OversizedError as error:
            verdict = GateVerdict(
                gate=TREE_SAFE, phase=phase, passed=False, saw=error.what, fix="Build the repo again."
            )
            state.take_verdicts(phase, (verdict,))
            self._endings.fail_gate(phase, before, (verdict,))
        old, new = state.repo.tree(before), state.repo.tree(made)
        touched = not_its_business(by, state.spec.language, old, new)
        laid = {path: data for path, data in laid_again(by, old, new).items() if path not in touched}
        if not touched and not laid:
            return made
        named = ", ".join([*touched, *(f"{path} is laid anew" for path in laid)])
        state.say(phase, f"put back, because the agent of {by} may not change it: {named}")
        return state.repo.put_back(
            made, before, touched, laid, message=state.message(title), when=state.commit_time
        )

    def _put_off_if_outside(self, phase: Phase, before: str, work: Work, *, by: Phase) -> None:
        outcome = work.outcome
        if outcome.kind is OutcomeKind.NOT_UNDERSTOOD:
            self._keep(phase, before, WaitCause.NOT_UNDERSTOOD)
            self._endings.end_not_understood(by, before, outcome)
        wait = wait_after_agent(outcome, phase=phase, by=by)
        if work.bound is not None:
            wait = wait_for_budget(phase, work.bound, outcome.detail)
        if wait is not None:
            self._keep(phase, before, wait.cause)
            self._endings.put_off(wait)

    def _recorded(self, phase: Phase) -> PhaseRecord | None:
        """The phase as this run or an earlier one of the attempt has done it."""
        state = self._state
        records = state.tools.journal.phases_of(state.queued.id, state.queued.attempts)
        return next((record for record in records if record.phase is phase), None)

    def _finish(self, phase: Phase, commit: str, work: Work, *, known: PhaseRecord | None) -> str:
        """`known` is the record of what this commit fixes."""
        state = self._state
        record = PhaseRecord(
            phase=phase,
            commit=commit,
            model=known.model if known else work.outcome.model,
            turns=work.turns + (known.turns if known else 0),
            usage=work.usage + (known.usage if known else Usage()),
            seconds=work.seconds + (known.seconds if known else 0.0),
            finished_at=state.tools.clock(),
        )
        # The journal first: a run that dies in between does the phase again and overwrites this record.
        state.tools.journal.finish_phase(state.queued.id, state.queued.attempts, record)
        state.repo.finish_phase(phase, commit)
        state.add_phase(record)
        return commit
