"""Fields that files and answers of earlier versions hold under another name: they are still read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

Fix = Annotated[str, Field(validation_alias=AliasChoices("fix", "mend"))]
"""What to do about a fault."""
