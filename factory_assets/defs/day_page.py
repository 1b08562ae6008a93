"""The page of a date, a materialization of `factory_days`: what became of each of its specs, and why.

It is written by the run that has changed what it tells, as that run's last event, so that it is there whatever has
started the run, for a refused build too, and costs no run of its own. What changes without a run (an import, a retry, a
worker that was killed, a report by hand) the sensor in factory_days.py finds within a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from factory_assets.defs.by_hand import HandReport, reports_on_day
from factory_assets.defs.evidence import repository_links
from factory_assets.defs.externals import BUILT_REPOS, FACTORY_DAYS, MIRRORED_REPOS, PAPERS, SPECS
from factory_assets.defs.markdown import code_span, paper_links, table
from factory_assets.defs.pages import partition_page
from factory_assets.defs.partitions import spec_key
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.outcomes import outcome_in_one_line
from factory_assets.domain.specs import rank_key
from factory_assets.domain.text import counted
from factory_assets.registry import Registry
from factory_assets.registry.days import DayRepo, DayStory

CODE_VERSION = "2"
DAY_DEPS = (PAPERS, SPECS, BUILT_REPOS, MIRRORED_REPOS)
DATA_VERSION_TAG = "dagster/data_version"


@dataclass(frozen=True)
class DayPage:
    """A date as it stood at the event `seen_to` of the instance."""

    story: DayStory
    by_hand: Sequence[HandReport]
    seen_to: int

    def materialization(self) -> dg.AssetMaterialization:
        """The event to write. Its tags are what Dagster itself writes of a result, and needs to tell what is stale."""
        seen = {f"dagster/input_event_pointer/{key.to_user_string()}": str(self.seen_to) for key in DAY_DEPS}
        versions = {f"dagster/input_data_version/{key.to_user_string()}": "by partition" for key in DAY_DEPS}
        return dg.AssetMaterialization(
            FACTORY_DAYS,
            partition=self.story.day.isoformat(),
            metadata=_metadata(self),
            tags={
                DATA_VERSION_TAG: self.story.digest,
                "dagster/data_version_is_user_provided": "true",
                "dagster/code_version": CODE_VERSION,
                **seen,
                **versions,
            },
        )


def read_day(instance: dg.DagsterInstance, registry: Registry, day: date) -> DayPage:
    """The page of the date as things stand now."""
    # Before the rest: what comes after it is news to the page.
    seen_to = instance.event_log_storage.get_maximum_record_id() or 0
    story = registry.stories.of_day(day)
    specs = [repo.queued for repo in story.repos]
    return DayPage(story, reports_on_day(instance, day, specs), seen_to)


def write_day(
    context: dg.AssetExecutionContext, registry: Registry, day: date
) -> Iterator[dg.AssetMaterialization]:
    """The page, to be yielded at the end of the step that has changed it.

    Of two runs that end together, one may have read before the other's change and write after it. So each looks again
    once its page is written, and writes what has changed since.
    """
    written: str | None = None
    try:
        while (page := read_day(context.instance, registry, day)).story.digest != written:
            yield page.materialization()
            written = page.story.digest
    except FactoryError as error:
        context.log.warning("The page of %s in factory_days was not made again: %s", day, error)


def _metadata(page: DayPage) -> dict[str, dg.MetadataValue]:
    story = page.story
    statuses = [repo.queued.status for repo in story.repos]
    shipped, failed = statuses.count(BuildStatus.SHIPPED), statuses.count(BuildStatus.FAILED)
    dollars = story.dollars + sum(repo.dollars for repo in story.repos)
    mirrored, waiting = sum(repo.mirror is not None for repo in story.repos), len(statuses) - shipped - failed
    return {
        "in short": dg.MetadataValue.text(
            f"{counted(len(statuses), 'spec', 'specs')} from {counted(story.papers, 'paper', 'papers')}:"
            f" {shipped} shipped, {failed} failed, {waiting} waiting; {mirrored} mirrored; ${dollars:.2f}"
        ),
        # The UI hides longer Markdown, the table, behind a click (from 1,000 characters in 1.13); these lines it shows.
        **{
            f"{_rank(repo)} {repo.queued.spec.name}": dg.MetadataValue.md(_line(repo, page.by_hand))
            for repo in story.repos
        },
        "repos": dg.MetadataValue.md(_repos(page)),
        "specs": dg.MetadataValue.int(len(statuses)),
        "shipped": dg.MetadataValue.int(shipped),
        "failed": dg.MetadataValue.int(failed),
        "waiting": dg.MetadataValue.int(waiting),
        "mirrored": dg.MetadataValue.int(mirrored),
        "papers": dg.MetadataValue.int(story.papers),
        "papers read by an analysis": dg.MetadataValue.int(story.papers_read),
        "analysed": dg.MetadataValue.text("yes" if story.analysed else "not yet"),
        "dollars": dg.MetadataValue.float(round(dollars, 4)),
        "reported by hand": dg.MetadataValue.text("\n".join(map(str, page.by_hand)) or "nothing"),
    }


def _repos(page: DayPage) -> str:
    if not page.story.repos:
        return (
            "No spec came of this date's papers."
            if page.story.analysed
            else "This date has not been analysed yet."
        )
    return table(
        ["rank", "repo", "language", "paper", "verdict", "why", "dollars", "rests on", "links"],
        [_row(repo, page.by_hand) for repo in page.story.repos],
    )


def _row(repo: DayRepo, by_hand: Sequence[HandReport]) -> tuple[str, ...]:
    spec = repo.queued.spec
    return (
        _rank(repo),
        spec.name,
        spec.language.value,
        paper_links(spec.source_papers) or f"[imported]({spec.origin_url})",
        _verdict(repo, by_hand),
        _why(repo),
        f"{repo.dollars:.2f}",
        _rests_on(repo),
        ", ".join(_links(repo)),
    )


def _line(repo: DayRepo, by_hand: Sequence[HandReport]) -> str:
    told = (_verdict(repo, by_hand), _why(repo), f"${repo.dollars:.2f}", *_links(repo))
    return ", ".join(part for part in told if part)


def _rests_on(repo: DayRepo) -> str:
    """The claims of a researched spec, and the repositories that they name; its papers stand beside it."""
    evidence = repo.evidence
    if evidence is None:
        return ""
    found = f"{evidence.route}, {counted(len(evidence.claims), 'claim', 'claims')}"
    links = repository_links(evidence.pieces)
    return f"{found}: {links}" if links else found


def _rank(repo: DayRepo) -> str:
    return "waiting" if repo.queued.rank is None else rank_key(repo.queued.rank)


def _why(repo: DayRepo) -> str:
    why = outcome_in_one_line(repo.queued, repo.refusals, repo.repo)
    return code_span(why) if why else ""


def _verdict(repo: DayRepo, by_hand: Sequence[HandReport]) -> str:
    queued = repo.queued
    key = "" if queued.day is None or queued.rank is None else str(spec_key(queued))
    reported = [report.asset.to_user_string() for report in by_hand if report.partition == key]
    note = f" ({' and '.join(reported)} reported by hand)" if reported else ""
    return f"{queued.status}{note}"


def _links(repo: DayRepo) -> Iterator[str]:
    queued = repo.queued
    if queued.run_id:
        yield f"[run](/runs/{queued.run_id})"
    if queued.day is None or queued.rank is None:
        return
    key = str(spec_key(queued))
    yield f"[partition]({partition_page(BUILT_REPOS.to_user_string(), key)})"
    if repo.mirror is not None:
        # A folder cannot be opened from a page; the partition names it.
        is_folder = repo.mirror.url.startswith("file:")
        yield f"[mirror]({partition_page(MIRRORED_REPOS.to_user_string(), key) if is_folder else repo.mirror.url})"
