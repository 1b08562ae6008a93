"""The asset `built_repos`: one repo per date and rank, built by Claude Code and held to its gates."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from factory_assets.build.errors import (
    BuildAgentError,
    BuildCredentialError,
    BuildDeferredError,
    BuildGateError,
)
from factory_assets.build.gates import ALL_GATES, DESCRIPTIONS
from factory_assets.build.report import BuildReport
from factory_assets.defs.externals import BUILT_REPOS, SPECS
from factory_assets.defs.markdown import code_block, table
from factory_assets.defs.partitions import Partitions, day_and_rank
from factory_assets.defs.runs import failure, tag_run
from factory_assets.defs.stages import Building
from factory_assets.domain.builds import BuildStatus, GateVerdict
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.papers import paper_url
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

NO_SPEC = "no spec"
_NOT_APPLICABLE = "Not applicable: no spec has this date and rank."


def build_built_repos(
    partitions: Partitions, *, owner: str, code_version: str, git_dir: Path
) -> dg.AssetsDefinition:
    """The asset over date x rank. `code_version` changes with the prompts and the models."""

    @dg.asset(
        key=BUILT_REPOS,
        partitions_def=partitions.date_ranks,
        deps=[SPECS],
        check_specs=[
            dg.AssetCheckSpec(
                check_name(gate),
                asset=BUILT_REPOS,
                description=DESCRIPTIONS[gate],
                partitions_def=partitions.date_ranks,
            )
            for gate in ALL_GATES
        ],
        group_name="build",
        kinds={"claude", "git"},
        owners=[owner],
        tags={"stage": "build"},
        code_version=code_version,
        pool="builds",
        description=(
            "The repo of the spec with this date and rank, built by Claude Code in three phases (build, seo,"
            " review) with a gate after each. Shipped means: tests passed in a fresh clone of the very commit."
            " At most BUILD_WORKERS builds run at once."
        ),
    )
    def built_repos(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        building: dg.ResourceParam[Building],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        queued = registry.spec_at(*day_and_rank(context))
        if queued is None:
            yield from _checks_not_applicable()
            yield dg.MaterializeResult(metadata={"outcome": NO_SPEC}, data_version=dg.DataVersion(NO_SPEC))
            return
        tag_run(context, queued)
        if queued.status is BuildStatus.SHIPPED:
            yield from _checks(registry.verdicts_of(queued.id, queued.attempts))
            yield _shipped(
                registry,
                queued,
                git_dir,
                {"note": dg.MetadataValue.text("Shipped before; nothing was done.")},
            )
            return
        try:
            report = building.build(queued, context.run.run_id, context.log.info)
        except (BuildGateError, BuildAgentError, BuildDeferredError, BuildCredentialError) as error:
            yield from _checks(error.report.verdicts)
            raise failure(
                error, {**_spec_metadata(queued, git_dir), **_report_metadata(error.report)}
            ) from error
        except FactoryError as error:
            raise failure(error, _spec_metadata(queued, git_dir)) from error
        yield from _checks(report.verdicts)
        yield _shipped(registry, queued, git_dir, _report_metadata(report))

    return built_repos


def check_name(gate: str) -> str:
    """The name of a gate's asset check."""
    return gate.replace("-", "_")


def _shipped(
    registry: Registry, queued: QueuedSpec, git_dir: Path, metadata: dict[str, dg.MetadataValue]
) -> dg.MaterializeResult[None]:
    repo = registry.shipped_repo(queued.spec.name)
    if repo is None:
        raise failure(
            FactoryError(
                "The queue says shipped, but the table repos has no such repo.",
                where=queued.spec.name,
                mend="Restore registry.duckdb from a backup: the two belong together.",
            )
        )
    return dg.MaterializeResult(
        metadata={
            "outcome": dg.MetadataValue.text(BuildStatus.SHIPPED.value),
            **_spec_metadata(queued, git_dir),
            "commit": dg.MetadataValue.text(repo.commit),
            "version": dg.MetadataValue.text(repo.version),
            "lines of code": dg.MetadataValue.int(repo.lines_of_code),
            "tests executed": dg.MetadataValue.int(repo.tests_executed),
            **metadata,
        },
        data_version=dg.DataVersion(repo.commit),
    )


def _spec_metadata(queued: QueuedSpec, git_dir: Path) -> dict[str, dg.MetadataValue]:
    spec = queued.spec
    return {
        "repo": dg.MetadataValue.text(spec.name),
        "bare repository": dg.MetadataValue.path(git_dir / f"{spec.name}.git"),
        "papers": dg.MetadataValue.md(
            ", ".join(f"[{paper}]({paper_url(paper)})" for paper in spec.source_papers)
        ),
        "paper": dg.MetadataValue.url(paper_url(spec.source_papers[0])),
        "language": dg.MetadataValue.text(spec.language.value),
        "problem": dg.MetadataValue.text(spec.problem),
    }


def _report_metadata(report: BuildReport) -> dict[str, dg.MetadataValue]:
    return {
        "attempt": dg.MetadataValue.int(report.attempts),
        "phases": dg.MetadataValue.md(
            table(
                ["phase", "model", "turns", "dollars", "seconds", "commit"],
                [
                    (
                        record.phase,
                        record.model,
                        record.turns,
                        f"{record.usage.cost_usd:.4f}",
                        f"{record.seconds:.1f}",
                        record.commit[:12],
                    )
                    for record in report.phases
                ],
            )
        ),
        "gates": dg.MetadataValue.md(
            table(
                ["gate", "verdict"],
                [(verdict.gate, "passed" if verdict.passed else "failed") for verdict in report.verdicts],
            )
        ),
        "input tokens": dg.MetadataValue.int(report.usage.input_tokens),
        "output tokens": dg.MetadataValue.int(report.usage.output_tokens),
        "dollars": dg.MetadataValue.float(round(report.usage.cost_usd, 4)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
        "protections": dg.MetadataValue.text(
            "; ".join(report.protections) or "none: built without a sandbox"
        ),
    }


def _checks(verdicts: Sequence[GateVerdict]) -> Iterator[dg.AssetCheckResult]:
    # Some gates judge after every phase, and Dagster takes one result of a check: the last one counts.
    for verdict in {verdict.gate: verdict for verdict in verdicts}.values():
        yield dg.AssetCheckResult(
            check_name=check_name(verdict.gate),
            passed=verdict.passed,
            metadata={
                "saw": dg.MetadataValue.md(code_block(verdict.saw)),
                "what to do": dg.MetadataValue.text(verdict.mend or "nothing"),
            },
        )


def _checks_not_applicable() -> Iterator[dg.AssetCheckResult]:
    for gate in ALL_GATES:
        yield dg.AssetCheckResult(check_name=check_name(gate), passed=True, metadata={"saw": _NOT_APPLICABLE})
