"""Which papers are candidates, and by which points."""

from __future__ import annotations

from pydantic import BaseModel, Field

from factory_assets.settings.kinds import PROJECT_ROOT, AbsolutePath


class IdeaSettings(BaseModel):
    """Ideas: candidates and the research around them."""

    factory_candidates: int = Field(
        30, ge=1, le=200, description="The best papers of a date, around which more is looked for."
    )
    factory_scoring_file: AbsolutePath = Field(
        PROJECT_ROOT / "factory_assets" / "ideas" / "scoring.yaml",
        description="The points and words by which papers are scored.",
    )
