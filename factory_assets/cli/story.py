"""`factory show NAME`: the whole story of one repo, from its papers to its mirror."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from factory_assets.cli.output import PROSE_WIDTH, print_table
from factory_assets.domain.acceptance import Acceptance, ScenarioResult, scenario_standing
from factory_assets.domain.builds import BuildStatus, GateVerdict, PhaseRecord
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.novelty import Novelty
from factory_assets.domain.outcomes import moment, why_it_waits
from factory_assets.domain.places import Lacking, Places
from factory_assets.domain.readings import Reading
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.domain.text import as_text, single_line, tail
from factory_assets.registry.story import AttemptStory, Story

_STYLES = {BuildStatus.SHIPPED: "green", BuildStatus.FAILED: "red"}


def show_story(
    story: Story,
    console: Console,
    *,
    git_dir: Path,
    by_hand: Sequence[str] = (),
    lost: str = "",
    places: Places | None = None,
) -> None:
    """Print it, oldest first.

    `by_hand` tells what a person has reported in Dagster's UI, `lost` how the run ended of a build that is at work by
    the queue alone; with `places` it is told whether its partition is one of them.
    """
    queued = story.queued
    status = BuildStatus.QUEUED if lost else queued.status
    console.rule(f"{queued.spec.name}: {status}", style=_STYLES.get(status, "yellow"))
    for name, value in (*_spec_facts(story), *_state_facts(story, git_dir, lost, places)):
        console.print(f"{name:<15} {value}", markup=False, highlight=False, soft_wrap=True)
    for report in by_hand:
        console.print(report, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if queued.error_log:
        said = "failed with" if queued.status is BuildStatus.FAILED else "waits because"
        console.print(f"\n{said}:", style="bold")
        console.print(tail(queued.error_log), markup=False, highlight=False, soft_wrap=True)
    for attempt in story.attempts:
        _show_attempt(attempt, queued, story.acceptance, console)
    _show_cost(story, console)


def _spec_facts(story: Story) -> list[tuple[str, str]]:
    spec = story.queued.spec
    titles = {paper.arxiv_id: paper for paper in story.papers}
    papers = [
        (
            "paper" if index == 0 else "",
            f"{titles[paper].title} ({titles[paper].url})" if paper in titles else f"{paper} (not stored)",
        )
        for index, paper in enumerate(spec.source_papers)
    ]
    facts = [
        *papers,
        ("problem", spec.problem),
        ("solution", spec.solution),
        ("language", f"{spec.language}, about {spec.estimated_lines} lines, {spec.complexity} complexity"),
        ("files", ", ".join(spec.files)),
        ("who pays", spec.who_pays),
        ("integration", spec.integration_point),
        *_evidence_facts(story.evidence),
        *((("acceptance", story.acceptance.words),) if story.acceptance else ()),
        *((single_line(name), single_line(as_text(said))) for name, said in story.further.items()),
    ]
    if not papers:
        facts.insert(0, ("source", spec.origin_url))
    if story.origin:
        facts.insert(0, ("imported", story.origin))
    return facts


def _evidence_facts(evidence: SpecEvidence | None) -> list[tuple[str, str]]:
    if evidence is None:
        return []
    claims = [
        ("", single_line(f"{claim.kind}: {claim.text} ({', '.join(claim.pieces)})"))
        for claim in evidence.claims
    ]
    pieces = [
        ("", single_line(f"{piece.id}  {piece.title} {piece.url} ({piece.licence or 'no licence named'})"))
        for piece in evidence.pieces
    ]
    return [("rests on", f"{len(claims)} claims, {len(pieces)} pieces ({evidence.route})"), *claims, *pieces]


def _novelty_facts(novelty: Novelty) -> list[tuple[str, str]]:
    evidence = [
        ("", f"{source} {hit.likeness:.2f}  {hit.found.name} {hit.found.url}".rstrip())
        for source, hit in novelty.evidence
    ]
    missing = [("", f"{source} was not looked up: {why}") for source, why in novelty.missing.items()]
    return [("exists already?", f"{novelty} (asked {moment(novelty.looked_up_at)})"), *evidence, *missing]


def _state_facts(story: Story, git_dir: Path, lost: str, places: Places | None) -> list[tuple[str, str]]:
    queued = story.queued
    lacks = lacking(queued, places)
    facts = [
        (
            "partition",
            f"{queued.day}|{rank_key(queued.rank)}" if queued.rank is not None else "no free rank yet",
        ),
        ("queued", moment(queued.queued_at)),
        ("attempts", str(queued.attempts)),
    ]
    if story.novelty is not None:
        facts += _novelty_facts(story.novelty)
    if queued.started_at:
        facts.append(("started", moment(queued.started_at)))
    if queued.run_id:
        facts.append(("run", queued.run_id))
    if queued.status is BuildStatus.QUEUED or lost:
        facts.append(("waits", why_it_waits(queued, lost=lost, lacks=lacks)))
        if lacks is not None:
            facts.append(("how to fix it", lacks.fix))
    if story.repo:
        repo = story.repo
        facts += [
            ("shipped", f"{moment(repo.shipped_at)}, version {repo.version}, commit {repo.commit}"),
            ("size", f"{repo.lines_of_code} lines, {repo.tests_executed} tests executed"),
            ("bare repository", str(git_dir / f"{repo.name}.git")),
            (
                "mirror",
                f"{story.mirror.url} ({moment(story.mirror.mirrored_at)})" if story.mirror else "none yet",
            ),
        ]
    return facts


def lacking(queued: QueuedSpec, places: Places | None) -> Lacking | None:
    """What keeps a spec from having a partition, where `places` are known."""
    return places.lacking(queued, datetime.now(UTC).date()) if places is not None else None


def _show_attempt(
    attempt: AttemptStory, queued: QueuedSpec, acceptance: Acceptance | None, console: Console
) -> None:
    going_on = attempt.number > queued.attempts
    title = f"attempt {attempt.number}" + (" (stopped, goes on from here)" if going_on else "")
    if attempt.phases:
        print_table(console, _phases(f"{title}: phases", attempt.phases))
    if attempt.verdicts:
        print_table(console, _gates(f"{title}: gates", attempt.verdicts))
    if attempt.reading and attempt.reading.judged:
        print_table(console, _findings(f"{title}: findings of the reader", attempt.reading))
    if attempt.scenarios and acceptance is not None:
        print_table(console, _scenarios(f"{title}: acceptance", acceptance, attempt.scenarios))


def _phases(title: str, phases: Sequence[PhaseRecord]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("phase", "model", "turns", "dollars", "seconds", "commit", "finished"):
        table.add_column(name)
    for record in phases:
        table.add_row(
            record.phase,
            record.model,
            str(record.turns),
            f"{record.usage.cost_usd:.4f}",
            f"{record.seconds:.1f}",
            record.commit[:12],
            moment(record.finished_at),
        )
    return table


def _gates(title: str, verdicts: Sequence[GateVerdict]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("phase", "gate", "verdict"):
        table.add_column(name)
    table.add_column("saw", max_width=PROSE_WIDTH, overflow="fold")
    for verdict in verdicts:
        table.add_row(
            verdict.phase,
            verdict.gate,
            "passed" if verdict.passed else "[red]refused[/]",
            escape(verdict.saw.partition("\n")[0]),
        )
    return table


def _findings(title: str, reading: Reading) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("kind", "severity", "standing", "where"):
        table.add_column(name)
    table.add_column("why", max_width=PROSE_WIDTH, overflow="fold")
    for judged in reading.judged:
        finding = judged.finding
        standing = f"{judged.standing}, disputed" if judged.disputed else judged.standing.value
        where = escape(f"{single_line(finding.file)}:{finding.line}")
        table.add_row(finding.kind, finding.severity, standing, where, escape(single_line(finding.why)))
    return table


def _scenarios(title: str, acceptance: Acceptance, results: Sequence[ScenarioResult]) -> Table:
    known = {result.number: result for result in results}
    table = Table(title=f"{title}, by {escape(acceptance.model)}", title_justify="left")
    for name in ("scenario", "shown", "title"):
        table.add_column(name)
    for name in ("asks for", "result"):
        table.add_column(name, max_width=PROSE_WIDTH, overflow="fold")
    for held in acceptance.scenarios:
        table.add_row(
            str(held.number),
            "example" if held.is_example else "held out",
            escape(single_line(held.scenario.title)),
            escape(single_line(held.scenario.behaviour)),
            escape(single_line(scenario_standing(held, known.get(held.number)))),
        )
    return table


def _show_cost(story: Story, console: Console) -> None:
    if not story.spent:
        console.print("\nNo model was called for it.")
        return
    table = Table(title="what it cost (ledger)", title_justify="left", show_footer=True)
    total = story.usage
    table.add_column("phase", footer="all")
    table.add_column("model")
    table.add_column("outcome")
    table.add_column("calls", footer=str(total.calls), justify="right")
    table.add_column("seconds", footer=f"{sum(line.seconds for line in story.spent):.1f}", justify="right")
    table.add_column("dollars", footer=f"{total.cost_usd:.4f}", justify="right")
    for line in story.spent:
        table.add_row(
            line.phase,
            line.model,
            line.outcome,
            str(line.calls),
            f"{line.seconds:.1f}",
            f"{line.cost_usd:.4f}",
        )
    print_table(console, table)
