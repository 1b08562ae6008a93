"""Agreeing, before a spec is built, on what the repo has to do: written, checked, worked out again, and kept."""

from __future__ import annotations

from factory_assets.building.acceptance import Acceptor, SpecAcceptor, without_scenarios
from factory_assets.building.repo_books import RepoBooks
from factory_assets.building.state import AttemptState
from factory_assets.domain.acceptance import (
    ACCEPT_STAGE,
    EXAMPLES,
    FEWEST,
    NOTHING_AGREED,
    Acceptance,
    Contract,
    HeldScenario,
    Scenario,
)
from factory_assets.domain.builds import Phase
from factory_assets.gates.scenario_checks import check_scenario, solved_agrees
from factory_assets.llm.asking import UnreadableAnswerError, one_line
from factory_assets.llm.claude_api_errors import UnusableAnswerError

# A repo is tried in 6 to 12: the prompt asks for 8 or more, because the checks drop some of them.
_MOST = 12


def agree(state: AttemptState) -> Acceptance | None:
    """What the repo has to do: as agreed by an earlier run, or now; None where this instance asks nobody.

    Raises:
        OutOfBudgetError: the repo's budget or the day's has no room for a call.
        FactoryError: the model cannot be asked now, as its routes say.
    """
    acceptor = state.tools.acceptor
    if state.acceptance is None and acceptor is not None:
        made = _made(state, acceptor)
        state.keep_acceptance(made)
        state.say(Phase.BUILD, f"acceptance: {made.words}")
    return state.acceptance


def _made(state: AttemptState, acceptor: Acceptor) -> Acceptance:
    asks = SpecAcceptor.of(
        acceptor,
        state.spec,
        books=RepoBooks(state, acceptor.answers, ACCEPT_STAGE),
        notify=lambda line: state.say(Phase.BUILD, line),
    )
    thrown_away = 0
    try:
        made, why = _round(state, asks, dropped=())
        if len(made.scenarios) < FEWEST:
            thrown_away = len(made.scenarios) + made.dropped
            made, why = _round(state, asks, dropped=why or ("there were none",))
    except (UnreadableAnswerError, UnusableAnswerError) as error:
        # Nobody but the model can fix this, and a spec is not held up for what it is built without.
        note = f"nothing is held out, because the model gave no acceptance: {one_line(error)}"
        return NOTHING_AGREED.model_copy(
            update={"model": acceptor.model_name, "note": note, "dropped": thrown_away}
        )
    if len(made.scenarios) < FEWEST:
        written = len(made.scenarios) + made.dropped
        left = f"only {len(made.scenarios)} of {written} scenarios were left after the checks"
        why_none = left if written else "the model wrote no scenario"
        made = without_scenarios(made, f"nothing is held out, because {why_none}")
    return made.model_copy(update={"dropped": made.dropped + thrown_away})


def _round(
    state: AttemptState, asks: SpecAcceptor, *, dropped: tuple[str, ...]
) -> tuple[Acceptance, tuple[str, ...]]:
    """What was written and holds, and of each scenario that does not, why."""
    written = asks.write(state.job.papers, dropped=dropped)
    contract = written.contract
    sound, why = _sound(written.scenarios, contract, state)
    solved = asks.solve(contract, list(enumerate(sound, start=1))) if sound else {}
    kept: list[Scenario] = []
    for number, scenario in enumerate(sound, start=1):
        answer = solved.get(number)
        if answer is not None and solved_agrees(
            scenario,
            exit_code=answer.exit_code,
            stdout=answer.stdout,
            stderr=answer.stderr or None,
            files={file.path: file.text for file in answer.files},
        ):
            kept.append(scenario)
        else:
            why.append(f"{scenario.title}: another reader of the contract comes to another result")
    made = Acceptance(
        model=asks.asker.model_name,
        contract=contract,
        scenarios=tuple(
            HeldScenario(number=number, scenario=scenario, is_example=number <= EXAMPLES)
            for number, scenario in enumerate(kept[:_MOST], start=1)
        ),
        dropped=len(why) + len(kept[_MOST:]),
    )
    return made, tuple(why)


def _sound(
    scenarios: list[Scenario], contract: Contract, state: AttemptState
) -> tuple[list[Scenario], list[str]]:
    sound: list[Scenario] = []
    why: list[str] = []
    for scenario in scenarios:
        fault = check_scenario(scenario, contract, state.spec.language, others=sound)
        if fault is None:
            sound.append(scenario)
        else:
            why.append(f"{scenario.title}: {fault}")
    return sound, why
