"""Which papers are gathered, and which dates and ranks are partitions."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from factory_assets.domain.errors import InputError
from factory_assets.domain.places import Places
from factory_assets.settings.kinds import PROJECT_ROOT, AbsolutePath, WebAddress


class GatherSettings(BaseModel):
    """Gathering papers."""

    factory_arxiv_url: WebAddress = Field(
        "https://export.arxiv.org/api/query", description="arXiv query API."
    )
    factory_arxiv_text_url: WebAddress = Field(
        "https://export.arxiv.org",
        description="arXiv's site for programs: HTML versions and sources of papers.",
    )
    factory_arxiv_interval: float = Field(
        3.0, ge=0, description="Seconds between two requests to arXiv, over all processes."
    )
    factory_gather_window_days: int = Field(7, ge=1, description="Days that the hourly gather looks back.")
    factory_max_per_topic: int | None = Field(
        None, ge=1, description="At most so many papers per topic and date; no limit by default."
    )
    factory_topics_file: AbsolutePath = Field(
        PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml", description="The topics to gather."
    )


class PartitionSettings(BaseModel):
    """Partitions: dates and ranks."""

    factory_start_date: date = Field(date(2026, 6, 1), description="First date partition (UTC).")
    factory_end_date: date | None = Field(
        None,
        description="Last date partition (UTC), for an instance that replays the past; today by default.",
    )
    factory_ranks: int = Field(
        40, ge=2, le=99, description="Ranks per date: the last quarter is for late analyses and imports."
    )
    factory_specs_per_day: int = Field(30, ge=1, le=99, description="Specs that one analysis may return.")

    factory_specs_from: Literal["papers", "research"] = Field(
        "papers",
        description="What specs are written from: papers, a date's abstracts; research, the evidence around the best."
        " A run of `specs` may say otherwise.",
    )
    factory_research_specs: int = Field(
        15, ge=1, le=99, description="Specs that one run makes at most from research."
    )

    @field_validator("factory_end_date", mode="after")
    @classmethod
    def _end_follows_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("factory_start_date")
        if end is not None and start is not None and end < start:
            raise ValueError(f"{end} is before FACTORY_START_DATE ({start})")
        return end

    @model_validator(mode="after")
    def _specs_fit_ranks(self) -> Self:
        if self.factory_specs_per_day > len(self.ranks):
            raise ValueError(
                f"FACTORY_SPECS_PER_DAY ({self.factory_specs_per_day}) does not fit the"
                f" {len(self.ranks)} ranks for analysis that FACTORY_RANKS ({self.factory_ranks}) leaves"
            )
        return self

    @property
    def ranks(self) -> range:
        """Ranks that a day's first analysis fills: 01 to 30 of 40."""
        return range(1, self.factory_ranks - self.factory_ranks // 4 + 1)

    @property
    def late_ranks(self) -> range:
        """Ranks for imported specs and late analyses: 31 to 40 of 40."""
        return range(self.ranks.stop, self.factory_ranks + 1)

    @property
    def places(self) -> Places:
        """The dates and ranks that are partitions."""
        return Places(self.factory_start_date, self.factory_end_date, self.factory_ranks)

    def newest_date(self, today: date) -> date:
        """The last date partition on this day (UTC).

        Raises:
            InputError: not even the first has come.
        """
        newest = today if self.factory_end_date is None else min(today, self.factory_end_date)
        if newest < self.factory_start_date:
            raise InputError(
                f"No date has come yet: the first is {self.factory_start_date}.",
                where="FACTORY_START_DATE",
                fix="Set an earlier date.",
            )
        return newest
