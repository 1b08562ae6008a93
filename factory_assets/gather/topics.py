"""The topics file: named expressions by domain, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.errors import InputError
from factory_assets.gather.expression import AllOf, AnyOf, Expression, SearchField, Term
from factory_assets.yaml_files import read_yaml

_FIELDS = {"abstract": SearchField.ABSTRACT, "title": SearchField.TITLE, "category": SearchField.CATEGORY}
_GROUPS: Mapping[str, type[AnyOf] | type[AllOf]] = {"any": AnyOf, "all": AllOf}
_FIX = "Write a phrase, or one of any, all (lists), abstract, title, category; the file's head shows how."


class Topic(BaseModel):
    """A named interest: a paper that matches the expression is about it."""

    model_config = ConfigDict(frozen=True)

    name: str
    domain: str
    expression: Expression


class TopicSet(BaseModel):
    """Every topic, in the file's order; names are unique."""

    model_config = ConfigDict(frozen=True)

    topics: tuple[Topic, ...]

    @cached_property
    def domain_of(self) -> Mapping[str, str]:
        """The domain of each topic, by name."""
        return {topic.name: topic.domain for topic in self.topics}

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains, in the file's order."""
        return tuple(dict.fromkeys(topic.domain for topic in self.topics))


def load_topics(path: Path) -> TopicSet:
    """Read a topics file: domain → topic → expression.

    Raises:
        InputError: naming the file, the topic, the field and the fix.
    """
    domains = _mapping(
        read_yaml(path, what="topics file", setting="FACTORY_TOPICS_FILE"), where=str(path), what="domains"
    )
    topics: list[Topic] = []
    for domain, members in domains.items():
        place = f"{path}, domain {domain!r}"
        for name, raw in _mapping(members, where=place, what="topics").items():
            where = f"{path}, topic {name!r}"
            if any(topic.name == name for topic in topics):
                raise InputError("This topic is in two domains.", where=where, fix="Give one another name.")
            topics.append(Topic(name=name, domain=domain, expression=_expression(raw, where=where)))
    return TopicSet(topics=tuple(topics))


def _mapping(raw: object, *, where: str, what: str) -> dict[str, object]:
    if not isinstance(raw, dict) or not raw:
        raise InputError(
            f"There are no named {what} here.", where=where, fix="Write name: and what it holds."
        )
    for name in raw:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{name!r} is no name.", where=where, fix="Put the name in quotes.")
    return raw


def _expression(raw: object, *, where: str) -> Expression:
    if isinstance(raw, str):
        return _term(SearchField.ABSTRACT, raw, where=where)
    if not isinstance(raw, dict) or len(raw) != 1:
        raise InputError(f"{_shown(raw)} is no expression.", where=where, fix=_FIX)
    [(key, value)] = raw.items()
    here = f"{where}, field {key!r}"
    if key in _GROUPS:
        if not isinstance(value, list) or not value:
            raise InputError(
                f"{_shown(value)} is not a list.", where=here, fix="Write one part a line, after '- '."
            )
        parts = (_expression(part, where=f"{here}, part {at}") for at, part in enumerate(value, start=1))
        return _GROUPS[key](tuple(parts))
    if key not in _FIELDS:
        raise InputError("There is no such field.", where=here, fix=_FIX)
    return _term(_FIELDS[key], value, where=here)


def _term(field: SearchField, raw: object, *, where: str) -> Term:
    if not isinstance(raw, str):
        raise InputError(f"{_shown(raw)} is not text.", where=where, fix="Put it in quotes.")
    try:
        return Term(field, " ".join(raw.split()))
    except ValueError as error:
        raise InputError(f"{error}.", where=where, fix="Write plain words, or a category.") from None


def _shown(raw: object) -> str:
    return "Nothing" if raw is None else repr(raw)[:80]
