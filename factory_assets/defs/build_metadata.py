"""What is shown of a built repo, of its spec and of its build, as metadata."""

from pathlib import Path

import dagster as dg

from factory_assets.build.report import BuildReport
from factory_assets.defs.markdown import paper_links, table
from factory_assets.defs.pages import runs_page
from factory_assets.domain.acceptance import scenario_standing
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry


def refused_by(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """The gates in one line: what they saw stands behind a link that has to be opened."""
    gates = [verdict.gate for verdict in report.verdicts if not verdict.passed]
    return {"refused by": dg.MetadataValue.text(", ".join(gates))} if gates else {}


def cost(registry: Registry, queued: QueuedSpec) -> dict[str, dg.MetadataValue]:
    """Over all attempts; `dollars` is of one run."""
    dollars = registry.usage_of(repo=queued.spec.name).cost_usd
    return {"dollars in all": dg.MetadataValue.float(round(dollars, 4))}


def spec_metadata(queued: QueuedSpec, git_dir: Path) -> dict[str, dg.MetadataValue]:
    """The repo's name, where it comes from, and its bare repository in `git_dir`."""
    spec = queued.spec
    return {
        "repo": dg.MetadataValue.text(spec.name),
        "runs": dg.MetadataValue.md(f"[all runs of {spec.name}]({runs_page(spec.name)})"),
        "papers": dg.MetadataValue.md(paper_links(spec.source_papers) or "none: the spec was imported"),
        "source": dg.MetadataValue.url(spec.origin_url),
        "language": dg.MetadataValue.text(spec.language.value),
        "problem": dg.MetadataValue.text(spec.problem),
        "bare repository": dg.MetadataValue.path(git_dir / f"{spec.name}.git"),
    }


def report_metadata(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """The phases, gates, tokens, dollars and seconds of one run."""
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
                [
                    (verdict.gate, "passed" if verdict.passed else "failed")
                    for verdict in sorted(report.verdicts, key=lambda verdict: verdict.passed)
                ],
            )
        ),
        **_findings(report),
        **_acceptance(report),
        "input tokens": dg.MetadataValue.int(report.usage.input_tokens),
        "output tokens": dg.MetadataValue.int(report.usage.output_tokens),
        "dollars": dg.MetadataValue.float(round(report.usage.cost_usd, 4)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
        **{f"transcript {path.stem}": dg.MetadataValue.path(path) for path in report.transcripts},
        "protections": dg.MetadataValue.text(
            "; ".join(report.protections) or "none: built without a sandbox"
        ),
    }


def _acceptance(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """What each scenario asked for and what came of it; nothing where none was agreed."""
    if report.acceptance is None:
        return {}
    known = {result.number: result for result in report.scenarios}
    rows = [
        (
            held.number,
            "example" if held.is_example else "held out",
            held.scenario.title,
            held.scenario.behaviour,
            scenario_standing(held, known.get(held.number)),
        )
        for held in report.acceptance.scenarios
    ]
    shown = table(["scenario", "shown", "title", "asks for", "result"], rows) if rows else "none"
    told: dict[str, dg.MetadataValue] = {
        "acceptance": dg.MetadataValue.md(shown),
        "acceptance by": dg.MetadataValue.text(report.acceptance.model),
    }
    if report.acceptance.note:
        told["acceptance note"] = dg.MetadataValue.text(report.acceptance.note)
    evidence = [f"{result.number}. {result.happened}" for result in report.scenarios]
    return told | ({"scenarios": dg.MetadataValue.text("\n\n".join(evidence))} if evidence else {})


def _findings(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """What the reader found, by kind; nothing where it was not asked."""
    if report.reading is None:
        return {}
    rows = report.reading.rows
    heads = ["finding", "found", "confirmed", "disputed", "struck"]
    shown = dg.MetadataValue.md(table(heads, rows)) if rows else dg.MetadataValue.text("none")
    return {"findings": shown, "read by": dg.MetadataValue.text(report.reading.model)}
