"""What is shown of whether specs exist already: in the day's table, with the evidence, and for one repo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.defs.markdown import code_span, table
from factory_assets.defs.stages import Scouting
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.novelty import Hit, Novelty, NoveltySource, NoveltyVerdict
from factory_assets.domain.specs import QueuedSpec, rank_key

_SHOWN = 3
_WHERE = {NoveltySource.PAPER: "named in", NoveltySource.PAPER_PAGE: "named on", NoveltySource.FACTORY: "of"}


def look_up(
    context: dg.AssetExecutionContext, scouting: Scouting, specs: Sequence[QueuedSpec]
) -> Mapping[int, Novelty]:
    """What is known of these specs, by id. A look-up that fails is made again before the spec is built."""
    try:
        return scouting.look_up(specs, context.log.info)
    except FactoryError as error:
        context.log.warning("Whether specs exist already was not looked up: %s", error)
        return {}


def novelty_metadata(
    specs: Sequence[QueuedSpec], known: Mapping[int, Novelty]
) -> dict[str, dg.MetadataValue]:
    """The verdicts with their evidence, and how many of each."""
    verdicts = [
        known[queued.id].verdict if queued.id in known else NoveltyVerdict.NOT_LOOKED_UP for queued in specs
    ]
    rows = [_row(queued, known.get(queued.id)) for queued in specs]
    return {
        "exists already?": dg.MetadataValue.md(
            table(["rank", "repo", "verdict", "novelty, 0 to 1", "what is most like it"], rows)
        ),
        "novelty": dg.MetadataValue.text(
            ", ".join(
                f"{verdict}: {verdicts.count(verdict)}" for verdict in NoveltyVerdict if verdict in verdicts
            )
            or "no spec"
        ),
    }


def held_words(queued: QueuedSpec, known: Novelty) -> str:
    """Why a spec is not built, and what lets it be."""
    return (
        f"{WaitCause.EXISTS}: {known}. It waits in the queue; `factory retry {queued.spec.name}` has it built all the"
        " same."
    )


def _row(queued: QueuedSpec, known: Novelty | None) -> tuple[str, ...]:
    rank = "waiting" if queued.rank is None else rank_key(queued.rank)
    if known is None:
        return rank, queued.spec.name, str(NoveltyVerdict.NOT_LOOKED_UP), "", ""
    held = f" (waits: `factory retry {queued.spec.name}`)" if queued.wait_cause is WaitCause.EXISTS else ""
    return (
        rank,
        queued.spec.name,
        f"{known.verdict}{held}",
        # What was not looked up can only lower it.
        f"at most {known.score:.2f}" if known.missing else f"{known.score:.2f}",
        "; ".join(
            [
                ", ".join(_link(source, hit) for source, hit in known.evidence[:_SHOWN]) or "nothing found",
                *(f"{source} was not looked up: {code_span(why)}" for source, why in known.missing.items()),
            ]
        ),
    )


def _link(source: NoveltySource, hit: Hit) -> str:
    """The hit's page. Its text is a stranger's: as code, it can be no link or picture of its own."""
    name = code_span(hit.found.name)
    url = hit.found.url
    shown = f"[{name}]({url})" if url.startswith("http") and not set(url) & set("()<> \"'`") else name
    return f"{shown} ({_WHERE.get(source, 'on')} {source}, {hit.likeness:.2f} alike)"
