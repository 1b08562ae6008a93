"""Which models do what, and how the router brings calls to them."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from factory_assets.domain.builds import Phase
from factory_assets.domain.novelty import USUAL_SHARES, NoveltyShares
from factory_assets.domain.readings import ReaderMode
from factory_assets.settings.kinds import AbsolutePath, WebAddress


def _by_phase(value: object) -> object:
    """A model for each phase, from `build=NAME,review=NAME`."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    named = {phase.strip(): model.strip() for phase, _, model in pairs}
    unknown = named.keys() - {phase.value for phase in Phase}
    if unknown or not all(named.values()):
        raise ValueError("write PHASE=MODEL for phases among build, seo and review, with commas between")
    return named


def _stages(value: object) -> object:
    """Stages whose calls are questions by themselves, with commas between."""
    if not isinstance(value, str):
        return value
    named = tuple(part.strip() for part in value.split(",") if part.strip())
    if unknown := set(named) - {"analyze", "reader"}:
        raise ValueError(f"{', '.join(sorted(unknown))} is none of analyze and reader")
    return named


def _shares(value: object) -> object:
    """Three shares with commas between, which are 1 together."""
    shares = value.split(",") if isinstance(value, str) else value
    return tuple(shares) if isinstance(shares, list | tuple) else shares


def _whole(shares: NoveltyShares) -> NoveltyShares:
    if any(share < 0 for share in shares) or not math.isclose(sum(shares), 1.0, abs_tol=0.001):
        raise ValueError("the shares of GitHub, npm and PyPI must be 0 or more each, and 1 together")
    return shares


NoveltyWeights = Annotated[NoveltyShares, NoDecode, BeforeValidator(_shares), AfterValidator(_whole)]
SemanticStages = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_stages)]
LowestModels = Annotated[dict[str, str], NoDecode, BeforeValidator(_by_phase)]


class ModelSettings(BaseModel):
    """Models, and what they are asked for."""

    factory_analyze_model: str = Field("claude-haiku-5-5", description="Model that reads papers.")
    factory_synthesis_model: str = Field(
        "claude-haiku-5-5", description="Model that writes specs from the research around a paper."
    )
    factory_analyze_by: Literal["direct", "batch"] = Field(
        "direct",
        description="How the daily analysis asks: direct, or batch, at half the price, with specs some hours later.",
    )
    factory_batch_hours: float = Field(
        6.0,
        gt=0,
        le=24,
        description="Hours after which a message batch is cancelled, and what it has not answered is asked directly.",
    )
    factory_build_model: str = Field("claude-sonnet-5-5", description="Model of the build phase.")
    factory_seo_model: str = Field("claude-haiku-5-5", description="Model of the seo phase.")
    factory_review_model: str = Field("claude-sonnet-5-5", description="Model of the review phase.")
    factory_reader_model: str = Field(
        "claude-haiku-5-5",
        description="Model that reads each repo before it ships; not one that has built it.",
    )
    factory_reader: ReaderMode = Field(
        ReaderMode.DECIDE,
        description="decide: what the reader finds and confirms is handed back; advise: shown only; off: not asked.",
    )
    factory_acceptance: bool = Field(
        True,
        description="Whether a model decides before each build what the repo has to do, and how it is tried.",
    )
    factory_acceptance_model: str = Field(
        "claude-sonnet-5-5",
        description="Model that decides it, from the spec and its papers alone.",
    )
    factory_novelty_floor: float = Field(
        0.45,
        ge=0,
        le=1,
        description="Novelty, 0 to 1, below which a spec waits for a person instead of being built; 0 skips none.",
    )
    factory_novelty_shares: NoveltyWeights = Field(
        USUAL_SHARES,
        description="How much of the novelty what is on GitHub, npm and PyPI can take away; 1 together.",
    )


class RouterSettings(BaseModel):
    """The router: ways to a model, and what it saves."""

    factory_backends_file: AbsolutePath | None = Field(
        None,
        description="YAML file of the router's backends; the Claude API by default.",
    )
    factory_reroute: bool = Field(
        False,
        description="Whether plain questions may go to a cheaper model than the one named, by how hard they look.",
    )
    factory_lowest_models: LowestModels = Field(
        default_factory=dict,
        description="Lowest model that a phase's new session may start with where that is cheaper for all of it, as"
        " build=NAME,review=NAME.",
    )
    factory_answer_cache_hours: float = Field(
        24.0,
        ge=0,
        description="Hours that the router gives the same answer to the same plain question; 0: never.",
    )
    factory_semantic_stages: SemanticStages = Field(
        default_factory=tuple,
        description="Stages whose questions are also answered by answers to others that are alike: analyze, reader.",
    )
    factory_embeddings_url: WebAddress | None = Field(
        None,
        description="Server of POST /v1/embeddings, which the router asks after those of the backends file.",
    )
    factory_embeddings_model: str = Field(
        "",
        description="Model by whose vectors questions are compared, and papers where FACTORY_ARCHIVE_SPACE says so; by"
        " their words by default.",
    )
    factory_embeddings_threshold: float = Field(
        0.98,
        gt=0,
        le=1,
        description="How alike two questions must be by it, 0 to 1; measure it for the model that you use.",
    )
