"""The set of recordings a replay server plays, loaded from a folder of YAML files and checked whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.replay.recordings_model import Analysis, Conversation, Existing

# The recording of what exists, beside those of repos and dates.
_EXISTING = "existing.yaml"
# libyaml's, where PyYAML has it, takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HERE = Path(__file__).resolve().parent / "recordings"


@dataclass(frozen=True)
class Recordings:
    """Conversations by repo, analyses by date, and what exists already."""

    conversations: dict[str, Conversation] = field(default_factory=dict)
    analyses: dict[date | Literal["each"], Analysis] = field(default_factory=dict)
    existing: Existing = field(default_factory=Existing)

    @classmethod
    def of(cls, *recordings: Conversation | Analysis | Existing) -> Recordings:
        """Recordings made in code, as tests do.

        Raises:
            InputError: two of them stand for the same repo or date.
        """
        return cls._collect((type(recording).__name__, recording) for recording in recordings)

    @classmethod
    def load(cls, directory: Path) -> Recordings:
        """Read every `*.yaml` file of the folder.

        Raises:
            InputError: naming the file, the field and the fix, for the first file that is malformed.
        """
        files = sorted(directory.glob("*.yaml"))
        if not files:
            raise InputError(
                "There is no recording here.",
                where=str(directory),
                fix="Name a folder that holds recordings as *.yaml files.",
            )
        return cls._collect((str(file), _read(file)) for file in files)

    @classmethod
    def demo(cls) -> Recordings:
        """The recordings of `make demo`."""
        return cls.load(_HERE / "demo")

    @classmethod
    def _collect(cls, recordings: Iterable[tuple[str, Conversation | Analysis | Existing]]) -> Recordings:
        conversations: dict[str, Conversation] = {}
        analyses: dict[date | Literal["each"], Analysis] = {}
        existing = Existing()
        for where, recording in recordings:
            if isinstance(recording, Existing):
                existing = recording
            elif isinstance(recording, Conversation):
                if recording.repo in conversations:
                    raise _twice(where, f"repo {recording.repo}")
                conversations[recording.repo] = recording
            else:
                if recording.date in analyses:
                    raise _twice(where, f"date {recording.date}")
                analyses[recording.date] = recording
        return cls(conversations=conversations, analyses=analyses, existing=existing)

    def analysis(self, day: date) -> Analysis | None:
        """The recording of that date, else the one for each date."""
        return self.analyses.get(day) or self.analyses.get("each")


def _twice(where: str, what: str) -> InputError:
    return InputError(f"The {what} is recorded twice.", where=where, fix="Keep one of the two.")


def _read(file: Path) -> Conversation | Analysis | Existing:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            f"This is not readable YAML: {' '.join(str(error).split())}.",
            where=str(file),
            fix="Correct the file at that place.",
        ) from None
    is_existing = file.name == _EXISTING
    if not isinstance(content, dict) or (not is_existing and ("repo" in content) == ("date" in content)):
        raise InputError(
            "A recording has either a field `repo` (an agent's conversation) or `date` (an analysis).",
            where=str(file),
            fix="Add the one that is meant at the top of the file.",
        )
    kind: type[Conversation | Analysis | Existing] = Conversation if "repo" in content else Analysis
    if is_existing:
        kind = Existing
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the file as a whole"
        raise InputError(
            f"{name} is not valid: {first['msg'].removeprefix('Value error, ')}.",
            where=str(file),
            fix=f"Correct {name}; the other recordings show the form.",
        ) from None
