"""The scenarios of an acceptance on one commit: run, looked at where the builder disputes them, and judged."""

from __future__ import annotations

from factory_assets.building.acceptance import rule_on
from factory_assets.building.disputes import read_disputes
from factory_assets.building.repo_books import RepoBooks, day_of
from factory_assets.building.state import AttemptState
from factory_assets.domain.acceptance import ACCEPT_STAGE, Acceptance
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.provenance import SPEC_FILE
from factory_assets.domain.readings import Dispute
from factory_assets.gates import Context
from factory_assets.gates.acceptance import acceptance_verdict, run_in
from factory_assets.gates.reader import stands_in
from factory_assets.languages.names import names_of


def judge_acceptance(state: AttemptState, commit: str, context: Context) -> GateVerdict:
    """The verdict of the gate `acceptance` on a commit. What each scenario came to is kept, for the operator alone.

    Raises:
        FactoryError: the sandbox cannot run it, or the reader cannot be asked about a dispute now.
    """
    acceptance = state.acceptance
    assert acceptance is not None  # noqa: S101 - see attempt: the gate is not asked otherwise
    name = names_of(state.spec.name, context.language).package
    results = run_in(context, acceptance.active, name=name)
    failed = {result.number for result in results if not result.passed}
    acceptance = _after_disputes(state, commit, acceptance, failed, context)
    counting = {held.number for held in acceptance.active}
    results = tuple(result for result in results if result.number in counting)
    state.keep_results(commit, context.phase, results)
    return acceptance_verdict(acceptance, results)


def _after_disputes(
    state: AttemptState, commit: str, acceptance: Acceptance, failed: set[int], context: Context
) -> Acceptance:
    """The acceptance without the scenarios that the reader finds wrong; a dispute has to quote SPEC.md."""
    reader = state.tools.reader
    said = next(iter(reader.answers.to(day_of(state), commit)), "") if reader and failed else ""
    disputes = {
        number: dispute
        for number, dispute in read_disputes(said).items()
        if number in failed and stands_in(dispute.quote, SPEC_FILE, context.runs.final.tree)
    }
    for held in acceptance.active:
        dispute: Dispute | None = disputes.get(held.number)
        if reader is None or dispute is None or held.is_disputed:
            continue
        ruling = rule_on(
            reader,
            state.spec,
            acceptance,
            held,
            dispute,
            books=RepoBooks(state, reader.answers, ACCEPT_STAGE),
            notify=lambda line: state.say(Phase.REVIEW, line),
        )
        acceptance = acceptance.disputed(held.number, struck="" if ruling.is_so else ruling.why)
        state.keep_acceptance(acceptance)
    return acceptance
