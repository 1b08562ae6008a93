"""How an attempt ends without shipping: put off, or failed. Each way writes the journal, and git where it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NoReturn

from factory_assets.building.failure import Failure, read_failure
from factory_assets.building.git_objects import OversizedError
from factory_assets.building.outcome import EndedError, Refused, Stops
from factory_assets.building.state import AttemptState
from factory_assets.building.waiting import BuildWait, put_off
from factory_assets.domain.agents import AgentOutcome, OutcomeKind
from factory_assets.domain.builds import GateVerdict, Phase, WaitCause
from factory_assets.gates import FINAL_GATES


class Endings:
    """The ends of one attempt. Each raises an EndedError that carries the outcome to whoever asked for the build."""

    def __init__(self, state: AttemptState) -> None:
        self._state = state

    def put_off(self, wait: BuildWait) -> NoReturn:
        """Give the spec back to the queue without using up an attempt."""
        raise EndedError(put_off(wait, self._state.queued, self._state.tools, attempt=self._state))

    def end_not_understood(self, phase: Phase, before: str, outcome: AgentOutcome) -> NoReturn:
        """End a build that met a refusal which nobody understands.

        What two repos have met in a row is nobody's own: the queue stops. What a repo meets a second time while the API
        answers the others is its own. Otherwise it is put off.
        """
        state = self._state
        cause = WaitCause.NOT_UNDERSTOOD
        if state.tools.ledger.refused_another(state.spec.name, phase):
            setting = f"FACTORY_{phase.upper()}_MODEL"
            what = (
                "The model's API refuses one repo after the other, for a reason that the factory does not know:"
                f" {outcome.detail}"
            )
            fix = f"Look at the account, at {setting} and at ANTHROPIC_BASE_URL or LLM_ROUTER_URL where one is set."
            self.put_off(BuildWait(what=what, fix=fix, cause=cause, stops=Stops.MODEL))
        if state.job.queued.wait_cause is cause:
            self.fail_agent(phase, before, outcome)
        self.put_off(BuildWait(what=f"The model's API refused phase {phase}: {outcome.detail}", cause=cause))

    def fail_gate(
        self, phase: Phase, commit: str, refused: tuple[GateVerdict, ...], *, note: str = ""
    ) -> NoReturn:
        """The spec has failed, because gates refused `commit`. `note` is said after their words."""
        words = [f"Gate {verdict.gate} refused: {verdict.saw}" for verdict in refused]
        # What leaked may stand in any commit before.
        leaked = any(verdict.gate in FINAL_GATES for verdict in refused)
        self._fail(
            phase,
            commit,
            by="gate",
            what="\n".join([*words, note] if note else words),
            fix=refused[0].fix,
            again_from=Phase.BUILD if leaked else phase,
            is_refused_state=not leaked,
        )

    def fail_agent(self, phase: Phase, before: str, outcome: AgentOutcome) -> NoReturn:
        """The spec has failed, because its agent did not do the phase that started from `before`."""
        what = f"The agent ended {outcome.kind}{f': {outcome.detail}' if outcome.detail else ''}"
        fix = "Look at the run's log, then launch this partition again."
        if outcome.kind is OutcomeKind.OUT_OF_TURNS:
            fix = f"Raise FACTORY_{phase.upper()}_TURNS, then launch this partition again."
        commit = self._what_is_there(before, f"Unfinished {phase}: {outcome.kind}")
        self._fail(phase, commit, by="agent", what=what, fix=fix)

    def fail_clock(self, phase: Phase, before: str) -> NoReturn:
        """The spec has failed, because its build has lasted too long."""
        hours = self._state.config.build_seconds / 3600
        self._fail(
            phase,
            self._what_is_there(before, f"Unfinished {phase}: out of time"),
            by="agent",
            what=f"The build was stopped after the {hours:g} hours that one may last, without the time it waited.",
            fix="Raise FACTORY_BUILD_HOURS (16 at most), or lower FACTORY_PHASE_MINUTES so that an agent that"
            " hangs is stopped earlier; then launch this partition again.",
        )

    def finish_failing(self) -> None:
        """Write down that the attempt has failed, where an earlier run of it died before it could."""
        state = self._state
        failure = read_failure(state.repo.failed_words(state.queued.attempts), state.queued.queued_at)
        if failure is not None:
            state.recall_verdicts(failure.verdicts)
            self._write_down(failure)

    def take_up_what_passed(self) -> None:
        """Go on from the phases that had passed when the attempt before failed, if that was one at this spec."""
        state = self._state
        words = state.repo.failed_words(state.queued.attempts - 1)
        if state.repo.scaffold() is None and read_failure(words, state.queued.queued_at) is not None:
            state.repo.take_up()

    def _what_is_there(self, before: str, title: str) -> str:
        workspace: Path = self._state.workspace
        if not workspace.is_dir():
            return before
        try:
            return self._state.commit(workspace, parent=before, title=title)
        except OversizedError:
            return before

    def _fail(
        self,
        phase: Phase,
        commit: str,
        *,
        by: Literal["gate", "agent"],
        what: str,
        fix: str,
        again_from: Phase | None = None,
        is_refused_state: bool = False,
    ) -> NoReturn:
        state = self._state
        failure = Failure(
            by=by,
            queued_at=state.queued.queued_at,
            what=state.clean(what),
            where=f"{state.spec.name}, phase {phase}",
            fix=state.clean(fix),
            verdicts=state.verdicts,
        )
        # Git first, with all that is to be said: a run that dies in between leaves the next one only to write it down.
        state.repo.keep_failed(
            state.queued.attempts,
            commit,
            failure.model_dump_json(),
            again_from=again_from or phase,
            refused=is_refused_state,
        )
        self._write_down(failure)

    def _write_down(self, failure: Failure) -> NoReturn:
        state = self._state
        refused = Refused(
            by=failure.by,
            what=failure.what,
            where=failure.where,
            fix=failure.fix,
            report=state.summary(),
        )
        state.tools.journal.fail(state.queued.id, str(refused))
        raise EndedError(refused)
