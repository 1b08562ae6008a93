"""How an attempt ends without shipping: put off, or failed. Each way writes the journal and raises."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NoReturn

from factory_assets.build.budgets import Bound, pause_after
from factory_assets.build.errors import BuildDeferredError, BuildStoppedError
from factory_assets.build.failure import Failure, read_failure
from factory_assets.build.git import OversizedError
from factory_assets.build.state import AttemptState
from factory_assets.domain.agents import AgentOutcome, OutcomeKind
from factory_assets.domain.builds import GateVerdict, Phase, WaitCause
from factory_assets.gates import FINAL_GATES

_STOPPED_PAUSE = timedelta(hours=1)
_LONGEST_WAIT = timedelta(hours=24)


class Endings:
    """The ends of one attempt."""

    def __init__(self, state: AttemptState) -> None:
        self._state = state

    def put_off(
        self,
        reason: str,
        *,
        cause: WaitCause = WaitCause.INFRASTRUCTURE,
        where: str = "",
        mend: str = "",
        until: datetime | None = None,
    ) -> NoReturn:
        """Give the spec back to the queue without using up an attempt.

        Each wait is longer than the one before, or as long as `until` says: 24 hours at most.

        Raises:
            BuildDeferredError: always.
        """
        state = self._state
        now = state.tools.clock()
        # A time that has passed would launch it every minute, and one that is years off would park it.
        later = max(min(until or now, now + _LONGEST_WAIT), now + pause_after(state.waits))
        reason, mend = state.clean(reason), state.clean(mend)
        state.tools.journal.defer_build(state.queued.id, cause=cause, until=later, reason=reason)
        raise BuildDeferredError(
            reason,
            where=state.clean(where) or state.spec.name,
            mend=mend or f"Nothing: it is launched again after {later:%Y-%m-%d %H:%M} UTC.",
            cause=cause,
            until=later,
            report=state.summary(),
        )

    def stop_for_budget(self, phase: Phase, bound: Bound, detail: str) -> NoReturn:
        """Give the spec back until the budget is raised, or the day turns where it is the day's.

        Raises:
            BuildDeferredError: always.
        """
        state = self._state
        reason = state.clean(f"Phase {phase} was stopped by the {bound.words}: {detail}")
        state.tools.journal.defer_build(
            state.queued.id, cause=bound.cause, until=bound.until, reason=reason, limit_usd=bound.limit_usd
        )
        turns = "; without that it goes on when the day (UTC) turns" if bound.until else ""
        raise BuildDeferredError(
            reason,
            where=state.spec.name,
            mend=f"Raise {bound.setting}: it then goes on from what was done so far{turns}.",
            cause=bound.cause,
            until=bound.until,
            report=state.summary(),
        )

    def stop(
        self,
        reason: str,
        *,
        mend: str,
        cause: WaitCause = WaitCause.CREDENTIAL,
        until: datetime | None = None,
    ) -> NoReturn:
        """Give the spec back until what the model's API refuses to everybody is mended, or `until`.

        Raises:
            BuildStoppedError: always.
        """
        state = self._state
        reason, mend = state.clean(reason), state.clean(mend)
        # It is tried again by itself, seldom, so that what was mended needs nobody to launch what waits.
        later = until or state.tools.clock() + _STOPPED_PAUSE
        state.tools.journal.defer_build(state.queued.id, cause=cause, until=later, reason=reason)
        raise BuildStoppedError(
            reason, where=state.spec.name, mend=mend, cause=cause, until=until, report=state.summary()
        )

    def stop_or_put_off(self, phase: Phase, before: str, outcome: AgentOutcome) -> NoReturn:
        """End a build that met a refusal which nobody understands.

        What two repos have met in a row is nobody's own: the queue stops. What a repo meets a second time while the API
        answers the others is its own. Otherwise it is put off.

        Raises:
            BuildStoppedError: another repo has met it before.
            BuildAgentError: this one has, and nobody else.
            BuildDeferredError: it is the first.
        """
        state = self._state
        reason = f"The model's API refused phase {phase}: {outcome.detail}"
        setting = f"FACTORY_{phase.upper()}_MODEL"
        if state.tools.ledger.refused_another(state.spec.name, phase):
            self.stop(
                f"The model's API refuses one repo after the other, for a reason that the factory does not know:"
                f" {outcome.detail}",
                mend=f"Look at the account, at {setting} and at ANTHROPIC_BASE_URL or LLM_ROUTER_URL where one is set.",
                cause=WaitCause.NOT_UNDERSTOOD,
            )
        if state.job.queued.wait_cause is WaitCause.NOT_UNDERSTOOD:
            self.fail_agent(phase, before, outcome)
        self.put_off(reason, cause=WaitCause.NOT_UNDERSTOOD)

    def fail_gate(
        self, phase: Phase, commit: str, refused: tuple[GateVerdict, ...], *, note: str = ""
    ) -> NoReturn:
        """The spec has failed, because gates refused `commit`. `note` is said after their words.

        Raises:
            BuildGateError: always.
        """
        words = [f"Gate {verdict.gate} refused: {verdict.saw}" for verdict in refused]
        # What leaked may stand in any commit before.
        leaked = any(verdict.gate in FINAL_GATES for verdict in refused)
        self._give_up(
            commit,
            again_from=Phase.BUILD if leaked else phase,
            by="gate",
            refused=not leaked,
            what="\n".join([*words, self._state.clean(note)] if note else words),
            where=f"{self._state.spec.name}, phase {phase}",
            mend=refused[0].mend,
        )

    def finish_failing(self) -> None:
        """Write down that the attempt has failed, where an earlier run of it died before it could.

        Raises:
            BuildGateError: gates had refused it.
            BuildAgentError: its agent had not done a phase.
        """
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

    def fail_agent(self, phase: Phase, before: str, outcome: AgentOutcome) -> NoReturn:
        """The spec has failed, because its agent did not do the phase that started from `before`.

        Raises:
            BuildAgentError: always.
        """
        what = f"The agent ended {outcome.kind}{f': {outcome.detail}' if outcome.detail else ''}"
        mend = "Look at the run's log, then launch this partition again."
        if outcome.kind is OutcomeKind.OUT_OF_TURNS:
            mend = f"Raise FACTORY_{phase.upper()}_TURNS, then launch this partition again."
        self._fail(phase, before, what, mend=mend, title=f"Unfinished {phase}: {outcome.kind}")

    def fail_clock(self, phase: Phase, before: str) -> NoReturn:
        """The spec has failed, because its build has lasted too long.

        Raises:
            BuildAgentError: always.
        """
        hours = self._state.config.build_seconds / 3600
        self._fail(
            phase,
            before,
            f"The build was stopped after the {hours:g} hours that one may last, without the time it waited.",
            mend="Raise FACTORY_BUILD_HOURS (16 at most), or lower FACTORY_PHASE_MINUTES so that an agent that"
            " hangs is stopped earlier; then launch this partition again.",
            title=f"Unfinished {phase}: out of time",
        )

    def _fail(self, phase: Phase, before: str, what: str, *, mend: str, title: str) -> NoReturn:
        self._give_up(
            self._what_is_there(before, title),
            again_from=phase,
            by="agent",
            what=self._state.clean(what),
            where=f"{self._state.spec.name}, phase {phase}",
            mend=mend,
        )

    def _what_is_there(self, before: str, title: str) -> str:
        workspace: Path = self._state.workspace
        if not workspace.is_dir():
            return before
        try:
            return self._state.commit(workspace, parent=before, title=title)
        except OversizedError:
            return before

    def _give_up(
        self,
        commit: str,
        *,
        again_from: Phase,
        by: Literal["gate", "agent"],
        refused: bool = False,
        what: str,
        where: str,
        mend: str,
    ) -> NoReturn:
        state = self._state
        failure = Failure(
            by=by,
            queued_at=state.queued.queued_at,
            what=what,
            where=where,
            mend=mend,
            verdicts=state.verdicts,
        )
        # Git first, with all that is to be said: a run that dies in between leaves the next one only to write it down.
        words = failure.model_dump_json()
        state.repo.keep_failed(state.queued.attempts, commit, words, again_from=again_from, refused=refused)
        self._write_down(failure)

    def _write_down(self, failure: Failure) -> NoReturn:
        error = failure.error(self._state.summary())
        self._state.tools.journal.fail_build(self._state.queued.id, str(error))
        raise error
