"""What a build may cost and take, and what its sandbox lets it have."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from factory_assets.domain.builds import BudgetLimits, Phase
from factory_assets.settings.kinds import PackageRegistry

# What git takes as --author; a name and an address without the marks between them.
_AUTHOR = re.compile(r"[^<>\n\0]*[^<>\s\0][^<>\n\0]* <[^<>\s\0]+>")


class BuildSettings(BaseModel):
    """Builds: how many, for how much, for how long."""

    build_workers: int = Field(1, ge=1, le=64, description="Builds that run at once.")
    factory_repo_budget_usd: float = Field(5.0, gt=0, description="Dollars that one repo may cost.")
    factory_day_budget_usd: float = Field(50.0, gt=0, description="Dollars that one day may cost.")
    factory_build_budget_usd: float = Field(
        3.0, gt=0, description="Dollars that the build phase may cost, with its repair rounds."
    )
    factory_seo_budget_usd: float = Field(
        0.5, gt=0, description="Dollars that the seo phase may cost, with its repair rounds."
    )
    factory_review_budget_usd: float = Field(
        1.5, gt=0, description="Dollars that the review phase may cost, with its repair rounds."
    )
    factory_build_turns: int | None = Field(
        None,
        ge=1,
        description="Turns of the build phase; by estimated lines (10 to 20, for large imports more) by default.",
    )
    factory_seo_turns: int = Field(8, ge=1, description="Turns of the seo phase.")
    factory_review_turns: int = Field(10, ge=1, description="Turns of the review phase.")
    factory_repair_rounds: int = Field(
        1, ge=0, le=5, description="Rounds in which the agent of a phase may fix what its gates refused."
    )
    factory_build_hours: int = Field(
        16, ge=1, le=16, description="Wall-clock limit of one build, without the time it waits."
    )
    factory_phase_minutes: int = Field(60, ge=1, description="Wall-clock limit of one phase.")
    factory_gate_minutes: int = Field(10, ge=1, description="Wall-clock limit of one gate's test run.")
    factory_git_author: Annotated[str, NoDecode] = Field(
        "Software Factory <factory@localhost>", description="Author of the factory's commits."
    )

    @field_validator("factory_git_author", mode="after")
    @classmethod
    def _git_author(cls, author: str) -> str:
        if not _AUTHOR.fullmatch(author):
            raise ValueError(f"{author!r} is no author, as Ada Lovelace <ada@example.com>")
        return author

    @model_validator(mode="after")
    def _a_day_holds_a_repo(self) -> Self:
        if self.factory_day_budget_usd < self.factory_repo_budget_usd:
            raise ValueError(
                f"FACTORY_DAY_BUDGET_USD ({self.factory_day_budget_usd:g}) is less than"
                f" FACTORY_REPO_BUDGET_USD ({self.factory_repo_budget_usd:g}), so that no build could ever start"
            )
        return self

    @property
    def budget_limits(self) -> BudgetLimits:
        """The budgets in force."""
        return BudgetLimits(
            repo_usd=self.factory_repo_budget_usd,
            day_usd=self.factory_day_budget_usd,
            phase_usd={
                Phase.BUILD: self.factory_build_budget_usd,
                Phase.SEO: self.factory_seo_budget_usd,
                Phase.REVIEW: self.factory_review_budget_usd,
            },
        )


class SandboxSettings(BaseModel):
    """The sandbox, and the package registries that it lets programs reach."""

    factory_sandbox_memory_gb: float = Field(
        4.0,
        gt=0,
        description="GiB of memory that one program of an agent or gate may take, its children included.",
    )
    factory_sandbox_processes: int = Field(512, ge=16, description="Processes that it may have at once.")
    factory_sandbox_disk_gb: float = Field(2.0, gt=0, description="GiB that it may have in its folders.")
    factory_pypi_url: PackageRegistry | None = Field(
        None,
        description="Package index (simple API) that built Python repos' dependencies come from; pip's own by default.",
    )
    factory_npm_url: PackageRegistry | None = Field(
        None,
        description="npm registry that built TypeScript repos' dependencies come from; npm's own by default.",
    )
    factory_unsandboxed: bool = Field(False, description="Build without bubblewrap, at your own risk.")
