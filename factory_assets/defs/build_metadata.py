"""What is shown of a built repo, of its spec and of its build, as metadata."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from factory_assets.building.report import BuildReport
from factory_assets.defs.markdown import code_block, paper_links, table
from factory_assets.defs.pages import runs_page
from factory_assets.domain.acceptance import (
    HeldScenario,
    Scenario,
    ScenarioResult,
    acceptance_standing,
    scenario_standing,
)
from factory_assets.domain.specs import QueuedSpec
from factory_assets.domain.text import single_line
from factory_assets.registry import Registry

_LONGEST_VALUE = 120


def refused_by(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """The gates in one line: what they saw stands behind a link that has to be opened."""
    gates = [verdict.gate for verdict in report.verdicts if not verdict.passed]
    return {"refused by": dg.MetadataValue.text(", ".join(gates))} if gates else {}


def cost(registry: Registry, queued: QueuedSpec) -> dict[str, dg.MetadataValue]:
    """Over all attempts; `dollars` is of one run."""
    dollars = registry.ledger.usage(repo=queued.spec.name).cost_usd
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
    """Scenarios, findings, gates, phases, tokens, dollars and seconds of one run."""
    return {
        **_acceptance(report),
        **_findings(report),
        "gates": dg.MetadataValue.md(
            table(
                ["gate", "verdict"],
                [
                    (verdict.gate, "passed" if verdict.passed else "refused")
                    for verdict in sorted(report.verdicts, key=lambda verdict: verdict.passed)
                ],
            )
        ),
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
        "attempt": dg.MetadataValue.int(report.attempts),
        "input tokens": dg.MetadataValue.int(report.usage.input_tokens),
        "output tokens": dg.MetadataValue.int(report.usage.output_tokens),
        "dollars": dg.MetadataValue.float(round(report.usage.cost_usd, 4)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
        **{f"transcript {path.stem}": dg.MetadataValue.path(path) for path in report.transcripts},
        "protections": dg.MetadataValue.text(
            "; ".join(report.protections) or "none: built without a sandbox"
        ),
    }


def in_short(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """What all who judged have said, in a line; nothing where nobody has."""
    refused = [verdict.gate for verdict in report.verdicts if not verdict.passed]
    passed = len(report.verdicts) - len(refused)
    if not report.verdicts:
        return {}
    told = [f"refused by {', '.join(refused)}"] if refused else []
    told.append(f"{passed} gates passed")
    if report.tests_executed:
        told.append(f"{report.tests_executed} tests executed")
    if report.acceptance is not None:
        told.append(acceptance_standing(report.acceptance, report.scenarios))
    if report.reading is not None:
        told.append(f"the reader found {report.reading.words}")
    return {"in short": dg.MetadataValue.text("; ".join(told))}


def _acceptance(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """What each scenario asked for, how it was called, and what came of it; nothing where none was agreed.

    A table of them would be longer than what the UI shows without a click (1,000 characters of Markdown in 1.13).
    """
    agreed = report.acceptance
    if agreed is None:
        return {}
    standing = acceptance_standing(agreed, report.scenarios)
    by = f"; written by {agreed.model}" if agreed.model else ""
    told: dict[str, dg.MetadataValue] = {"acceptance": dg.MetadataValue.text(f"{standing}{by}")}
    known = {result.number: result for result in report.scenarios}
    for held in agreed.scenarios:
        shown = "example" if held.is_example else "held out"
        told[f"scenario {held.number}, {shown}"] = dg.MetadataValue.text(
            _scenario(held, known.get(held.number))
        )
    evidence = {
        f"what happened in scenario {result.number}": dg.MetadataValue.md(code_block(result.happened))
        for result in report.scenarios
        if not result.passed
    }
    return told | evidence


def _scenario(held: HeldScenario, result: ScenarioResult | None) -> str:
    scenario = held.scenario
    call = result.happened.partition("\n")[0].removeprefix("$ ") if result else ""
    title, behaviour = scenario.title.rstrip("."), scenario.behaviour.rstrip(".")
    told = f"{scenario_standing(held, result)}: {title}. {behaviour}."
    called = f" Called: {call}." if call else ""
    return single_line(f"{told}{called} Asked for: {'; '.join(_asked_for(scenario))}")


def _asked_for(scenario: Scenario) -> Iterator[str]:
    yield f"exit code {scenario.exit_code}"
    for expected in scenario.expects:
        within = f" within {expected.tolerance:g}" if expected.tolerance else ""
        value = single_line(expected.value)
        shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
        yield f"{expected.of}, {expected.form}{within}: {shown or 'nothing'}"


def _findings(report: BuildReport) -> dict[str, dg.MetadataValue]:
    """What the reader found, by kind; nothing where it was not asked."""
    if report.reading is None:
        return {}
    rows = report.reading.rows
    heads = ["finding", "found", "confirmed", "disputed", "struck"]
    shown = dg.MetadataValue.md(table(heads, rows))
    return {"findings": shown, "read by": dg.MetadataValue.text(report.reading.model)}
