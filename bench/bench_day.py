"""Dollars of one factory day, played through the router: as the factory stands, and with each of what saves.

Run it alone with `python -m bench.bench_day`; docs/costs.md shows its tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from bench.played_day import AGAIN, WAYS, Played, day_of, play, play_apart, play_twice
from bench.recorded_day import RecordedDay, Sent, record, sessions_of
from factory_assets.analyze.plan import plan_analysis
from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.planning import USUAL_BUILD_MINUTES
from factory_assets.domain.sizes import MAX_LINES, size_of
from factory_assets.domain.statistics import percent
from factory_assets.domain.tokens import CHARS_PER_TOKEN
from factory_assets.llm.prices import cost_usd
from factory_assets.replay.messages import MODELS
from factory_assets.replay.messages_request import read_request
from factory_assets.replay.messages_usage import prompt_tokens
from factory_assets.router.backends import Model
from factory_assets.router.backends_file import default_backend
from factory_assets.router.routing import SessionShape, session_usd
from factory_assets.settings import Settings

TITLE = "## A factory day in dollars"
_PLAIN = ("analyze", "acceptance", "reader")
_PHASES = ("analyze", "acceptance", *Phase, "reader")
_MTOK = 1_000_000


def run() -> str:
    """Record a day, play it, and return the section for RESULTS.md."""
    return told(record())


def told(recorded: RecordedDay) -> str:
    """The section of a recorded day."""
    settings = Settings(_env_file=None)
    analysis, builds = day_of(recorded, settings.factory_specs_per_day)
    played = {way.name: play(way, analysis, builds) for way in WAYS}
    again = {way.name: play_twice(way, analysis) for way in AGAIN}
    asis = played[WAYS[0].name]
    return "\n".join(
        [
            TITLE,
            "",
            _introduction(recorded, settings),
            "",
            *_stages(asis, settings),
            "",
            (
                "Of one repo, on average over these builds (no builder of the recordings disputes a scenario: that row"
                " is the real question about one of each repo):"
            ),
            "",
            *of_one_repo(asis, play_apart(WAYS[0], recorded.disputes), settings),
            "",
            *_savings(played, asis),
            "",
            "The same analysis asked again half an hour later, its papers in another order; dollars of both together:",
            "",
            *_answers(again),
            "",
            "If each agent took every turn that the settings allow it, instead of as few as the recordings:",
            "",
            *_long(recorded, settings, asis),
            "",
            _compared(recorded, settings, asis),
        ]
    )


def _introduction(recorded: RecordedDay, settings: Settings) -> str:
    return (
        f"One date of the sample ({recorded.papers} papers of the topics) is analysed, and"
        f" {settings.factory_specs_per_day} specs are built one after the other, {USUAL_BUILD_MINUTES:g} minutes each."
        " What is sent is real: the prompts, and the requests that Claude Code makes in building the demo's"
        f" {len(recorded.builds)} repos, in turn. It goes through the router to an API on loopback that counts and"
        " caches as Anthropic's does (beginnings by block, at least 512 tokens, five minutes). Answers have the"
        " recorded length; that of the analysis is as much longer as it has more specs. Tokens are estimated at"
        f" {CHARS_PER_TOKEN:g} characters each, which may be off by a fifth; thinking, which is billed as output, and"
        " rounds of repair are not in it."
        f" Measured on {datetime.now(UTC):%Y-%m-%d}; prices of genai-prices {version('genai-prices')}."
    )


def _stages(played: Played, settings: Settings) -> Iterator[str]:
    models = {
        "analyze": settings.factory_analyze_model,
        "acceptance": settings.factory_acceptance_model,
        Phase.BUILD: settings.factory_build_model,
        Phase.SEO: settings.factory_seo_model,
        Phase.REVIEW: settings.factory_review_model,
        "reader": settings.factory_reader_model,
    }
    yield "| stage | model | calls | tokens in | from the prompt cache | tokens out | dollars |"
    yield "|:--|:--|--:|--:|--:|--:|--:|"
    for stage in _PHASES:
        yield _row(stage, models[stage], played.used.get(stage, Usage()))
    yield _row("all", "", played.total)


def of_one_repo(played: Played, disputed: Played, settings: Settings) -> Iterator[str]:
    """What judging one repo takes beside building it, by question; the last column has its cheapest and its dearest."""
    acceptance, reader = settings.factory_acceptance_model, settings.factory_reader_model
    builds = {purpose.repo for purpose in played.by_purpose if purpose.repo}
    judging = {purpose for purpose in played.by_purpose if purpose.stage in _PLAIN and purpose.repo}
    agents = {purpose for purpose in played.by_purpose if purpose.stage == "build"}
    share = _sum(played, judging).cost_usd / _sum(played, agents).cost_usd
    rows: dict[tuple[str, str], set[Purpose]] = {
        ("contract and scenarios", acceptance): _asked(judging, "accept"),
        ("scenarios worked out again", acceptance): _asked(judging, "solve"),
        ("reader", reader): _asked(judging, "read"),
        ("confirmation of findings", reader): _asked(judging, "confirm"),
        (f"**all judging: {share:.0%} of the agents**", ""): judging,
        ("agents: build, seo, review", ""): agents,
        ("**all**", ""): judging | agents,
    }
    yield "| of one repo | model | calls | tokens in | tokens out | dollars | least to most |"
    yield "|:--|:--|--:|--:|--:|--:|--:|"
    for (name, model), purposes in rows.items():
        each = [_sum(played, {purpose for purpose in purposes if purpose.repo == build}) for build in builds]
        yield _of_one(name, model, each)
    yield _of_one("a dispute, where there is one", reader, list(disputed.by_purpose.values()))


def _asked(purposes: Collection[Purpose], task: str) -> set[Purpose]:
    return {purpose for purpose in purposes if purpose.phase == task}


def _sum(played: Played, purposes: Collection[Purpose]) -> Usage:
    return sum((played.by_purpose[purpose] for purpose in purposes), Usage())


def _of_one(name: str, model: str, each: Sequence[Usage]) -> str:
    used, count = sum(each, Usage()), len(each)
    dollars = [one.cost_usd for one in each]
    return (
        f"| {name} | {model} | {used.calls / count:.1f} | {used.prompt_tokens / count:,.0f}"
        f" | {used.output_tokens / count:,.0f} | {used.cost_usd / count:.4f}"
        f" | {min(dollars):.4f} to {max(dollars):.4f} |"
    )


def _row(stage: str, model: str, used: Usage) -> str:
    return (
        f"| {stage} | {model} | {used.calls:,} | {used.prompt_tokens:,} | {percent(used.cached_share)}"
        f" | {used.output_tokens:,} | {used.cost_usd:.4f} |"
    )


def _savings(played: Mapping[str, Played], asis: Played) -> Iterator[str]:
    yield "| the day | dollars | plain questions | agents | against as it is |"
    yield "|:--|--:|--:|--:|--:|"
    for name, one in played.items():
        plain = sum(used.cost_usd for stage, used in one.used.items() if stage in _PLAIN)
        dollars = one.total.cost_usd
        change = dollars / asis.total.cost_usd - 1
        yield (
            f"| {name} | {dollars:.2f} | {plain:.4f} | {dollars - plain:.2f}"
            f" | {'' if one is asis else f'{change:+.1%}'} |"
        )


def _answers(again: Mapping[str, Played]) -> Iterator[str]:
    yield "| asked twice | calls that were paid | dollars |"
    yield "|:--|--:|--:|"
    for name, one in again.items():
        yield f"| {name} | {one.total.calls} | {one.total.cost_usd:.4f} |"


def _long(recorded: RecordedDay, settings: Settings, asis: Played) -> Iterator[str]:
    """By the router's own arithmetic of a session, with the growth and the answers of the recorded ones."""
    turns = {
        Phase.BUILD: (settings.factory_build_model, size_of(MAX_LINES).turns),
        Phase.SEO: (settings.factory_seo_model, settings.factory_seo_turns),
        Phase.REVIEW: (settings.factory_review_model, settings.factory_review_turns),
    }
    builds = settings.factory_specs_per_day
    models = {model.name: model for model in default_backend("https://api.anthropic.com").models}
    yield "| phase | recorded calls | dollars of a build | turns at most | dollars of a build | dollars of the day |"
    yield "|:--|--:|--:|--:|--:|--:|"
    total = 0.0
    for phase, (model, most) in turns.items():
        sessions = [
            calls
            for build in recorded.builds.values()
            for purpose, calls in sessions_of(build)
            if purpose.phase == phase
        ]
        dollars = _session_usd(models[model], sessions, turns=most)
        total += dollars * builds
        used = asis.used[phase]
        yield (
            f"| {phase} | {used.calls / builds:.1f} | {used.cost_usd / builds:.4f} | {most} | {dollars:.4f}"
            f" | {dollars * builds:.2f} |"
        )
    short = sum(asis.used[phase].cost_usd for phase in turns)
    yield f"| all | | {short / builds:.4f} | | {total / builds:.4f} | {total:.2f} |"


def _session_usd(model: Model, sessions: Sequence[Sequence[Sent]], *, turns: int) -> float:
    firsts = [prompt_tokens(read_request(calls[0].body)) for calls in sessions]
    lasts = [prompt_tokens(read_request(calls[-1].body)) for calls in sessions]
    steps = sum(len(calls) - 1 for calls in sessions)
    written = sum(sent.output_tokens for calls in sessions for sent in calls)
    shape = SessionShape(
        turns=turns,
        growth_tokens=round((sum(lasts) - sum(firsts)) / steps),
        output_tokens=round(written / sum(len(calls) for calls in sessions)),
    )
    return session_usd(model, shape, first_tokens=round(sum(firsts) / len(firsts)), cached_tokens=0)


def _compared(recorded: RecordedDay, settings: Settings, asis: Played) -> str:
    plan = plan_analysis(
        recorded.papers,
        model_name=settings.factory_analyze_model,
        specs_wanted=settings.factory_specs_per_day,
    )
    used = asis.used["analyze"]
    return (
        f"`factory plan` reckons this analysis at {plan.input_tokens:,} tokens in and ${plan.expected_usd:.4f};"
        f" played it took {used.prompt_tokens:,} and ${used.cost_usd:.4f}."
    )


def prices() -> list[str]:
    """Dollars a million tokens of each kind, by model, as the table of docs/costs.md has them."""
    kinds = ("input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens")
    rows = [
        [f"{cost_usd(model, Usage(**{kind: 10_000})) * _MTOK / 10_000:g}" for kind in kinds]
        for model in MODELS
    ]
    return [f"| {' | '.join((model, *row))} |" for model, row in zip(MODELS, rows, strict=True)]


if __name__ == "__main__":
    print(run())
