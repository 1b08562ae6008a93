"""Where an instance keeps what it has, and what it takes in from outside."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from factory_assets.domain.registry_place import PostgresPlace, RegistryPlace
from factory_assets.settings.kinds import PROJECT_ROOT, AbsolutePath, PostgresUrl

# In FACTORY_DATA_DIR.
REGISTRY_FILE = "registry.duckdb"


class Mode(StrEnum):
    """Live works on the real world; replay plays recorded material and touches nothing outside."""

    LIVE = "live"
    REPLAY = "replay"


class InstanceSettings(BaseModel):
    """The instance: its mode and its folders."""

    factory_mode: Mode = Field(Mode.LIVE, description="live or replay; stored with the instance.")
    factory_data_dir: AbsolutePath = Field(
        Path(".factory/live"), description="Registry, run storage, logs and workspaces of this instance."
    )
    factory_registry_url: PostgresUrl | None = Field(
        None,
        description=(
            "PostgreSQL database that holds the registry, postgresql://user:password@host/database;"
            " FACTORY_DATA_DIR/registry.duckdb by default. `factory registry copy file database` moves what is there."
        ),
    )
    factory_git_dir: AbsolutePath | None = Field(
        None,
        description=(
            "Bare repositories of the built repos; FACTORY_DATA_DIR/git by default. Hosts that share a registry may"
            " share this folder (docs/scale.md)."
        ),
    )
    factory_prompts_dir: AbsolutePath = Field(PROJECT_ROOT / "prompts", description="The prompt templates.")
    factory_recordings_dir: AbsolutePath | None = Field(
        None, description="Recordings that a replay instance plays; those of the demo by default."
    )
    factory_specs_dir: AbsolutePath | None = Field(
        None, description="Folder of JSON files with specs to import; FACTORY_DATA_DIR/specs by default."
    )
    idea_engine_postgres_url: SecretStr | None = Field(
        None,
        description="PostgreSQL database of the idea engine, for `factory import-from-db` and `factory ideas deliver`.",
    )
    factory_keep_days: int = Field(
        30,
        ge=1,
        description="Days that transcripts are kept, and runs and failed states that nothing shows any more.",
    )

    @property
    def registry_file(self) -> Path:
        """Where the registry is that has no database of its own."""
        return self.factory_data_dir / REGISTRY_FILE

    @property
    def registry_place(self) -> RegistryPlace:
        """Where the registry is. The two modes share nothing, so that each has a schema of its own."""
        if self.factory_registry_url is None:
            return self.registry_file
        return PostgresPlace(self.factory_registry_url, f"factory_{self.factory_mode}")

    @property
    def git_dir(self) -> Path:
        """Where the bare repositories are."""
        return self.factory_git_dir or self.factory_data_dir / "git"

    @property
    def specs_dir(self) -> Path:
        """Where specs to import are put."""
        return self.factory_specs_dir or self.factory_data_dir / "specs"

    @property
    def transcripts_dir(self) -> Path:
        """Where the agents' full transcripts are kept, secrets removed."""
        return self.factory_data_dir / "transcripts"

    @property
    def workspaces_dir(self) -> Path:
        """Where agents work; nothing there outlives a build."""
        return self.factory_data_dir / "workspaces"

    @property
    def locks_dir(self) -> Path:
        """A file for each spec that a build holds."""
        return self.factory_data_dir / "locks"

    @property
    def archive_dir(self) -> Path:
        """Where the archive keeps its months."""
        return self.factory_data_dir / "archive"

    @property
    def router_dir(self) -> Path:
        """Where the router keeps its key, its journal and its address."""
        return self.factory_data_dir / "router"
