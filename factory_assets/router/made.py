"""Making a router: its parts, each with its files in the instance's folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from factory_assets.domain.builds import Phase
from factory_assets.router.app import Router
from factory_assets.router.backends import Backend, Kind, Model
from factory_assets.router.batch_books import BatchBooks
from factory_assets.router.batches import Batches
from factory_assets.router.cache import AnswerCache
from factory_assets.router.control import Control
from factory_assets.router.credentials import LoginFile
from factory_assets.router.grants import Grants
from factory_assets.router.health import Health
from factory_assets.router.inflight import InFlight
from factory_assets.router.journal import Journal
from factory_assets.router.learning import Learner
from factory_assets.router.limits import RateLimits
from factory_assets.router.metrics import Metrics
from factory_assets.router.own_vectors import OwnVectors
from factory_assets.router.routing import Routing
from factory_assets.router.semantic import Embeddings, Lexical, Likeness, Semantic
from factory_assets.router.sending import Sender
from factory_assets.router.sessions import PinnedSessions
from factory_assets.router.shapes import CallFacts, Totals
from factory_assets.router.sharing import Sharing
from factory_assets.router.whereabouts import Whereabouts
from factory_assets.router.windows_file import WindowsFile

_CACHE_BYTES = 256 * 1024 * 1024
_PHASES = (
    *(phase.value for phase in Phase),
    "analyze",
    "synthesize",
    "embed",
    "acceptance",
    "reader",
    "trial",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddingsComparison:
    """By which model's vectors questions are compared, and from which cosine on two are alike."""

    model: str
    threshold: float


@dataclass(frozen=True, kw_only=True)
class RouterConfig:
    """How a router works. `chains` are the backends by the name that grants have for them, each in order,
    `embedders` those that make vectors of texts.

    `lowest_models` names for a phase the lowest model that a new session may start with, `cache_hours` is how long
    an answer is given again; 0 switches that off. `semantic_stages` are those whose questions are also answered by
    the answers to others that are alike, by their words unless by something else.
    """

    chains: Mapping[str, tuple[Backend, ...]]
    embedders: tuple[Backend, ...] = ()
    login: LoginFile | None = None
    reroutes: bool = False
    lowest_models: Mapping[str, str] = field(default_factory=dict)
    cache_hours: float = 24.0
    semantic_stages: frozenset[str] = frozenset()
    compared_by: EmbeddingsComparison | None = None


@contextmanager
def router_of(place: Whereabouts, config: RouterConfig) -> Iterator[Router]:
    """A router of the instance whose folder this is, for as long as the context lasts.

    Raises:
        InfrastructureError: a file of it cannot be written.
        InputError: no price is known for one of its models.
    """
    backends = tuple(
        {b.name: b for b in (*chain.from_iterable(config.chains.values()), *config.embedders)}.values()
    )
    models = frozenset(model.name for backend in backends for model in backend.all_models)
    health, limits = Health(_now), RateLimits(_now)
    totals = Totals(models, _PHASES, _now())
    metrics = Metrics(
        models=models, phases=_PHASES, backends=lambda: health.rows(backends), limits=limits.rows
    )
    windows = WindowsFile(place.windows)

    def tell(call: CallFacts) -> None:
        totals.ended(call)
        metrics.ended(call)

    def heard_of(backend: Backend, status: int, headers: Mapping[str, str]) -> None:
        del status
        windows.heard(backend.name, headers, _now())

    with ExitStack() as held:
        place.prepare()
        journal = held.enter_context(Journal.open(place.journal))
        books = held.enter_context(BatchBooks.open(place.journal, journal))
        learner = held.enter_context(Learner.open(place.state))
        sessions = held.enter_context(PinnedSessions.open(place.state))
        cache = AnswerCache(
            place.answers, timedelta(hours=config.cache_hours), _CACHE_BYTES, _now, notify=_log.warning
        )
        if config.cache_hours > 0:
            held.enter_context(cache.opened())
        grants = Grants(journal)
        sender = Sender(
            chains=config.chains,
            embedders=config.embedders,
            login=config.login,
            journal=journal,
            health=health,
            limits=limits,
            clock=_now,
            tell=tell,
            heard_of=heard_of,
        )
        yield Router(
            control=Control(
                signer=place.signer,
                grants=grants,
                backends=backends,
                health=health,
                limits=limits,
                windows=windows,
                totals=totals,
                metrics=metrics,
                learner=learner,
                clock=_now,
            ),
            sender=sender,
            batches=Batches(sender=sender, grants=grants, books=books),
            sharing=Sharing(
                cache, InFlight(), tell, Semantic(_likeness(config, sender)), config.semantic_stages
            ),
            routing=Routing(_routable(backends), sessions, learner, _log.warning, config.lowest_models),
            reroutes=config.reroutes,
        )


def _likeness(config: RouterConfig, sender: Sender) -> Likeness:
    by = config.compared_by
    if by is None:
        return Lexical()
    return Embeddings(OwnVectors(sender, by.model), by.threshold, _log.warning)


def _routable(backends: tuple[Backend, ...]) -> tuple[Model, ...]:
    """The models of Claude that calls may be routed to; a local model is reached by its own name alone."""
    listed = (model for backend in backends if backend.kind is Kind.ANTHROPIC for model in backend.models)
    return tuple({model.name: model for model in listed}.values())


def _now() -> datetime:
    return datetime.now(UTC)
