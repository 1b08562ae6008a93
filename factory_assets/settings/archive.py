"""The archive: from where arXiv's metadata comes, and what of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from factory_assets.settings.kinds import WebAddress

# https://www.openarchives.org/OAI/openarchivesprotocol.html#Set
_SET = re.compile(r"[A-Za-z0-9_.!~*'()-]+(?::[A-Za-z0-9_.!~*'()-]+)*", re.ASCII)


def _sets(value: object) -> object:
    """The sets of a text such as `cs,stat`."""
    named = tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value
    if isinstance(named, tuple):
        if not named:
            raise ValueError("name at least one set, as cs")
        for name in named:
            if not _SET.fullmatch(str(name)):
                raise ValueError(f"{name!r} is no set, as cs or cs:cs:LG")
    return named


OaiSets = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_sets)]


class ArchiveSettings(BaseModel):
    """The archive."""

    factory_archive: bool = Field(
        False,
        description="Harvest arXiv's changed records each day, and take the papers of a date from the archive once it"
        " holds the date; these are then only those of FACTORY_OAI_SETS.",
    )
    factory_oai_url: WebAddress = Field("https://oaipmh.arxiv.org/oai", description="arXiv's OAI-PMH.")
    factory_oai_sets: OaiSets = Field(
        ("cs", "stat"), description="The sets that are harvested, as cs,stat,eess or cs:cs:LG."
    )
    factory_archive_space: Literal["learned", "embeddings"] = Field(
        "learned",
        description="By what papers are found to be alike: learned from the archive itself, or embeddings, the vectors"
        " of FACTORY_EMBEDDINGS_MODEL, which is sent every title and abstract once.",
    )
