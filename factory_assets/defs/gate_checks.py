"""The asset checks of built_repos: one for each gate, with what it has decided."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from factory_assets.defs.externals import BUILT_REPOS
from factory_assets.defs.markdown import code_block
from factory_assets.defs.partitions import Partitions, day_and_rank
from factory_assets.domain.builds import GateVerdict
from factory_assets.gates import ALL_GATES, DESCRIPTIONS
from factory_assets.registry import Registry

_NOT_APPLICABLE = "Not applicable: no spec has this date and rank."


def check_name(gate: str) -> str:
    """The name of a gate's asset check."""
    return gate.replace("-", "_")


def check_specs(partitions: Partitions) -> list[dg.AssetCheckSpec]:
    """One for each gate."""
    return [
        dg.AssetCheckSpec(
            check_name(gate),
            asset=BUILT_REPOS,
            description=DESCRIPTIONS[gate],
            partitions_def=partitions.date_ranks,
        )
        for gate in ALL_GATES
    ]


def checks_of(verdicts: Sequence[GateVerdict]) -> Iterator[dg.AssetCheckResult]:
    """What the gates decided. Where a repo was made, to be yielded after it: a check judges what is there before it."""
    # Some gates judge after every phase, and Dagster takes one result of a check: the last one counts.
    for verdict in {verdict.gate: verdict for verdict in verdicts}.values():
        yield _result(verdict, {})


def checks_not_applicable() -> Iterator[dg.AssetCheckResult]:
    """For a rank without a spec."""
    for gate in ALL_GATES:
        yield dg.AssetCheckResult(check_name=check_name(gate), passed=True, metadata={"saw": _NOT_APPLICABLE})


def judged_before(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[dg.AssetCheckResult]:
    """Checks without the asset, from the UI's buttons: what the gates decided when they last judged.

    "Execute all" on the page of the checks names no partition: then each tells its last verdict over all repos.
    """
    if not context.has_partition_key:
        for judged in registry.stories.last_judged():
            yield _result(judged.verdict, {"repo": dg.MetadataValue.text(judged.repo)})
        return
    queued = registry.queue.at(*day_and_rank(context))
    if queued is None:
        yield from checks_not_applicable()
        return
    yield from checks_of(registry.builds.verdicts_of(queued.id, queued.attempts))


def _result(verdict: GateVerdict, about: Mapping[str, dg.MetadataValue]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check_name(verdict.gate),
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            **about,
            **_in_short(verdict),
            "saw": dg.MetadataValue.md(code_block(verdict.saw)),
            "what to do": dg.MetadataValue.text(verdict.fix or "nothing"),
        },
    )


def _in_short(verdict: GateVerdict) -> dict[str, dg.MetadataValue]:
    """The first line of a longer account, which the UI hides behind a click (from 1,000 characters in 1.13)."""
    first, _, rest = verdict.saw.strip().partition("\n")
    return {"in short": dg.MetadataValue.text(first)} if rest else {}
