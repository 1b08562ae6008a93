"""Every setting of the factory: typed, with its default, read from the environment and `.env`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from factory_assets.domain.builds import BudgetLimits, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.places import Places
from factory_assets.domain.readings import ReaderMode
from factory_assets.domain.redaction import is_recognisable, secrets_in_url
from factory_assets.domain.times import check_cron, check_zone
from factory_assets.env_file import ENCODING, names_in, read_env_file
from factory_assets.setting_names import refuse_unknown, warn_of_unknown

PROJECT_ROOT = Path(__file__).resolve().parent.parent
# In FACTORY_DATA_DIR.
REGISTRY_FILE = "registry.duckdb"
ARXIV_URL = "https://export.arxiv.org/api/query"
GITHUB_URL = "https://api.github.com"
ANTHROPIC_URL = "https://api.anthropic.com"

# Set for the programs of an instance: its home, whose `.env` is in their environment already.
_PINNED = "SOFTWARE_FACTORY_PINNED"
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
# The owners that Dagster accepts.
_OWNER = re.compile(r"team:.+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")

# What git takes as --author; a name and an address without the marks between them.
_AUTHOR = re.compile(r"[^<>\n\0]*[^<>\s\0][^<>\n\0]* <[^<>\s\0]+>")


class Mode(StrEnum):
    """Live works on the real world; replay plays recorded material and touches nothing outside."""

    LIVE = "live"
    REPLAY = "replay"


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


SemanticStages = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_stages)]
LowestModels = Annotated[dict[str, str], NoDecode, BeforeValidator(_by_phase)]


class Settings(BaseSettings):
    """The settings of one instance. Field names are the environment's names in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    github_token: SecretStr | None = Field(None, description="Token that may create and push repositories.")
    github_user: str | None = Field(None, description="Account or organisation that owns the mirrored repos.")
    factory_data_dir: Path = Field(
        Path(".factory/live"), description="Registry, run storage, logs and workspaces of this instance."
    )
    factory_git_dir: Path | None = Field(
        None, description="Bare repositories of the built repos; FACTORY_DATA_DIR/git by default."
    )
    claude_binary: Path | None = Field(None, description="Claude Code program; the bundled one by default.")
    llm_router_url: str | None = Field(None, description="LLM router that every model call goes through.")
    build_workers: int = Field(1, ge=1, le=64, description="Builds that run at once.")
    anthropic_api_key: SecretStr | None = Field(None, description="Claude API key.")
    anthropic_auth_token: SecretStr | None = Field(None, description="Bearer token instead of an API key.")
    claude_code_oauth_token: SecretStr | None = Field(
        None, description="Claude Code's long-lived login token, for subscribers without an API key."
    )
    anthropic_base_url: str = Field(ANTHROPIC_URL, description="Claude API server.")

    factory_mode: Mode = Field(Mode.LIVE, description="live or replay; stored with the instance.")
    factory_arxiv_url: str = Field(ARXIV_URL, description="arXiv query API.")
    factory_github_url: str = Field(GITHUB_URL, description="GitHub REST API (GitHub Enterprise).")
    factory_start_date: date = Field(date(2026, 6, 1), description="First date partition (UTC).")
    factory_end_date: date | None = Field(
        None,
        description="Last date partition (UTC), for an instance that replays the past; today by default.",
    )
    factory_ranks: int = Field(
        40, ge=2, le=99, description="Ranks per date: the last quarter is for late analyses and imports."
    )
    factory_specs_per_day: int = Field(30, ge=1, le=99, description="Specs that one analysis may return.")
    factory_max_per_topic: int | None = Field(
        None, ge=1, description="At most so many papers per topic and date; no limit by default."
    )
    factory_topics_file: Path = Field(
        PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml", description="The topics to gather."
    )
    factory_prompts_dir: Path = Field(PROJECT_ROOT / "prompts", description="The prompt templates.")
    factory_gather_window_days: int = Field(7, ge=1, description="Days that the hourly gather looks back.")
    factory_arxiv_interval: float = Field(
        3.0, ge=0, description="Seconds between two requests to arXiv, over all processes."
    )
    factory_mirror_interval: float = Field(30.0, ge=0, description="Seconds between two mirrored repos.")
    factory_analyze_model: str = Field("claude-haiku-5-5", description="Model that reads papers.")
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
    factory_backends_file: Path | None = Field(
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
    factory_embeddings_url: str | None = Field(
        None,
        description="Server of POST /v1/embeddings by which questions are compared; by their words by default.",
    )
    factory_embeddings_model: str = Field("", description="Its model.")
    factory_embeddings_threshold: float = Field(
        0.98,
        gt=0,
        le=1,
        description="How alike two questions must be by it, 0 to 1; measure it for the model that you use.",
    )
    factory_novelty_floor: float = Field(
        0.45,
        ge=0,
        le=1,
        description="Novelty, 0 to 1, below which a spec waits for a person instead of being built; 0 skips none.",
    )
    factory_build_turns: int | None = Field(
        None,
        ge=1,
        description="Turns of the build phase; by estimated lines (10 to 20, for large imports more) by default.",
    )
    factory_seo_turns: int = Field(8, ge=1, description="Turns of the seo phase.")
    factory_review_turns: int = Field(10, ge=1, description="Turns of the review phase.")
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
    factory_repair_rounds: int = Field(
        1, ge=0, le=5, description="Rounds in which the agent of a phase may mend what its gates refused."
    )
    factory_build_hours: int = Field(
        16, ge=1, le=16, description="Wall-clock limit of one build, without the time it waits."
    )
    factory_phase_minutes: int = Field(60, ge=1, description="Wall-clock limit of one phase.")
    factory_gate_minutes: int = Field(10, ge=1, description="Wall-clock limit of one gate's test run.")
    factory_pypi_url: str | None = Field(
        None,
        description="Package index (simple API) that built Python repos' dependencies come from; pip's own by default.",
    )
    factory_npm_url: str | None = Field(
        None,
        description="npm registry that built TypeScript repos' dependencies come from; npm's own by default.",
    )
    factory_sandbox_memory_gb: float = Field(
        4.0,
        gt=0,
        description="GiB of memory that one program of an agent or gate may take, its children included.",
    )
    factory_sandbox_processes: int = Field(512, ge=16, description="Processes that it may have at once.")
    factory_sandbox_disk_gb: float = Field(2.0, gt=0, description="GiB that it may have in its folders.")
    factory_unsandboxed: bool = Field(False, description="Build without bubblewrap, at your own risk.")
    factory_github_visibility: Literal["public", "private"] = Field(
        "public", description="Visibility of a new repository on GitHub."
    )
    factory_recordings_dir: Path | None = Field(
        None, description="Recordings that a replay instance plays; those of the demo by default."
    )
    factory_mirror_dir: Path | None = Field(
        None, description="Local folder to mirror into, where no GITHUB_TOKEN is set."
    )
    factory_specs_dir: Path | None = Field(
        None, description="Folder of JSON files with specs to import; FACTORY_DATA_DIR/specs by default."
    )
    idea_engine_postgres_url: SecretStr | None = Field(
        None, description="PostgreSQL database of the idea engine, for `factory import-from-db`."
    )
    factory_keep_days: int = Field(
        30,
        ge=1,
        description="Days that transcripts are kept, and runs and failed states that nothing shows any more.",
    )
    factory_ui_host: str = Field("127.0.0.1", description="Address the UI listens on.")
    factory_ui_port: int = Field(3000, ge=1, le=65535, description="Port the UI listens on.")
    factory_ui_url: str | None = Field(
        None,
        description="Address at which the operator opens the UI, for links; FACTORY_UI_HOST and _PORT by default.",
    )
    factory_alert_webhook: SecretStr | None = Field(None, description="URL that gets each alert as JSON.")
    factory_slack_webhook: SecretStr | None = Field(
        None, description="Slack incoming webhook that gets each alert."
    )
    factory_timezone: str = Field("UTC", description="Time zone of the schedules.")
    factory_gather_cron: str = Field(
        "0 * * * *", description="When papers are gathered, as a cron expression."
    )
    factory_analyze_cron: str = Field("0 6 * * *", description="When settled dates are analysed.")
    factory_build_cron: str = Field("30 6 * * *", description="When the queued specs are launched.")
    factory_mirror_cron: str = Field("0 23 * * *", description="When shipped repos are published.")
    factory_report_cron: str = Field("0 7 * * *", description="When the report is made.")
    factory_git_author: Annotated[str, NoDecode] = Field(
        "Software Factory <factory@localhost>", description="Author of the factory's commits."
    )
    factory_owner: str = Field("team:factory", description="Owner of the assets in the UI.")

    @field_validator(
        "factory_data_dir",
        "factory_git_dir",
        "factory_mirror_dir",
        "factory_recordings_dir",
        "factory_specs_dir",
        "factory_topics_file",
        "factory_prompts_dir",
        "factory_backends_file",
        "claude_binary",
        mode="after",
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        try:
            return None if path is None else PROJECT_ROOT / path.expanduser()
        except RuntimeError:
            raise ValueError(f"the home folder in {path} is not known") from None

    @field_validator(
        "llm_router_url",
        "anthropic_base_url",
        "factory_arxiv_url",
        "factory_github_url",
        "factory_ui_url",
        "factory_embeddings_url",
        mode="after",
    )
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        # The text must not show the address: it may hold a password.
        if url is not None and not _is_web_address(url):
            raise ValueError("it must be a URL with a host, as https://host/path")
        return url

    @field_validator("factory_pypi_url", "factory_npm_url", mode="after")
    @classmethod
    def _package_registry(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not _is_web_address(url) or urlsplit(url).username is not None:
            raise ValueError("it must be a URL with a host and without a password, which a sandbox would see")
        return url

    @field_validator(
        "factory_gather_cron",
        "factory_analyze_cron",
        "factory_build_cron",
        "factory_mirror_cron",
        "factory_report_cron",
        mode="after",
    )
    @classmethod
    def _cron(cls, expression: str) -> str:
        check_cron(expression)
        return expression

    @field_validator("factory_timezone", mode="after")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        check_zone(name)
        return name

    @field_validator(
        "github_token", "anthropic_api_key", "anthropic_auth_token", "claude_code_oauth_token", mode="after"
    )
    @classmethod
    def _fits_a_header(cls, credential: SecretStr | None) -> SecretStr | None:
        text = credential.get_secret_value() if credential else ""
        if not all("!" <= character <= "~" for character in text):
            raise ValueError(
                "it holds a blank or a character outside ASCII, as no credential does: copy it anew"
            )
        return credential

    @field_validator("factory_owner", mode="after")
    @classmethod
    def _dagster_owner(cls, owner: str) -> str:
        if not _OWNER.fullmatch(owner):
            raise ValueError(f"{owner!r} is neither an e-mail address nor team:name")
        return owner

    @field_validator("factory_git_author", mode="after")
    @classmethod
    def _git_author(cls, author: str) -> str:
        if not _AUTHOR.fullmatch(author):
            raise ValueError(f"{author!r} is no author, as Ada Lovelace <ada@example.com>")
        return author

    @field_validator("factory_end_date", mode="after")
    @classmethod
    def _end_follows_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("factory_start_date")
        if end is not None and start is not None and end < start:
            raise ValueError(f"{end} is before FACTORY_START_DATE ({start})")
        return end

    @model_validator(mode="after")
    def _specs_fit_ranks(self) -> Settings:
        if self.factory_specs_per_day > len(self.ranks):
            raise ValueError(
                f"FACTORY_SPECS_PER_DAY ({self.factory_specs_per_day}) does not fit the"
                f" {len(self.ranks)} ranks for analysis that FACTORY_RANKS ({self.factory_ranks}) leaves"
            )
        return self

    @model_validator(mode="after")
    def _a_day_holds_a_repo(self) -> Settings:
        if self.factory_day_budget_usd < self.factory_repo_budget_usd:
            raise ValueError(
                f"FACTORY_DAY_BUDGET_USD ({self.factory_day_budget_usd:g}) is less than"
                f" FACTORY_REPO_BUDGET_USD ({self.factory_repo_budget_usd:g}), so that no build could ever start"
            )
        return self

    @property
    def analyzes_by_batch(self) -> bool:
        """Whether the daily analysis asks in message batches; a recording has nothing to save."""
        return self.factory_analyze_by == "batch" and self.factory_mode is Mode.LIVE

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

    @property
    def mirrors_to_github(self) -> bool:
        """Whether repos go to GitHub, and not to a local folder: never in replay mode."""
        return self.factory_mode is Mode.LIVE and self.github_token is not None

    def secrets(self) -> dict[str, tuple[str, ...]]:
        """The secret values that are set, by the setting they stand in: every SecretStr, every password in a URL."""
        found = {name: _secrets_of(getattr(self, name)) for name in type(self).model_fields}
        return {name.upper(): values for name, values in found.items() if values}

    def weak_secrets(self) -> list[str]:
        """The settings whose secret is too short or too ordinary a word to be recognised in a text."""
        return [
            name
            for name, values in self.secrets().items()
            if not all(is_recognisable(value) for value in values)
        ]

    @property
    def git_dir(self) -> Path:
        """Where the bare repositories are."""
        return self.factory_git_dir or self.factory_data_dir / "git"

    @property
    def transcripts_dir(self) -> Path:
        """Where the agents' full transcripts are kept, secrets removed."""
        return self.factory_data_dir / "transcripts"

    @property
    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        return (self.factory_ui_url or self._ui_at(self.factory_ui_host)).rstrip("/")

    @property
    def local_ui_url(self) -> str:
        """Where this machine reaches the UI: one that listens on every address is asked on loopback."""
        return self._ui_at(_LOOPBACK_OF.get(self.factory_ui_host, self.factory_ui_host))

    def _ui_at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.factory_ui_port}"

    @property
    def specs_dir(self) -> Path:
        """Where specs to import are put."""
        return self.factory_specs_dir or self.factory_data_dir / "specs"

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
                mend="Set an earlier date.",
            )
        return newest

    @property
    def registry_path(self) -> Path:
        """The DuckDB file."""
        return self.factory_data_dir / REGISTRY_FILE

    @property
    def workspaces_dir(self) -> Path:
        """Where agents work; nothing there outlives a build."""
        return self.factory_data_dir / "workspaces"

    @property
    def router_dir(self) -> Path:
        """Where the router keeps its key, its journal and its address."""
        return self.factory_data_dir / "router"


def instance_home(mode: Mode) -> Path:
    """DAGSTER_HOME of a mode's default instance: the clone itself, or .factory/replay in it."""
    return PROJECT_ROOT if mode is Mode.LIVE else PROJECT_ROOT / ".factory" / "replay"


def _secrets_of(value: object) -> tuple[str, ...]:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return ()
    inner = secrets_in_url(text) if "://" in text else ()
    return tuple(dict.fromkeys([*([text] if isinstance(value, SecretStr) else ()), *inner]))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port checks it.
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in {"http", "https"} and not re.search(r"\s", text)


def chosen_home() -> Path:
    """DAGSTER_HOME as an absolute path, or else the home of the default instance of FACTORY_MODE.

    Raises:
        InputError: the mode is none, or this user has no home folder, which git and Claude Code need.
    """
    # An empty value counts as not set, as for every setting.
    mode = os.environ.get("FACTORY_MODE") or Mode.LIVE
    if mode not in set(Mode):
        raise InputError(f"{mode!r} is no mode.", where="FACTORY_MODE", mend="Set it to live or replay.")
    if not _has_home():
        raise InputError(
            f"The user with id {os.getuid()} has no home folder: HOME is not set, or is no absolute path.",
            where="the environment",
            mend="Set HOME to a folder that this user can write.",
        )
    named = os.environ.get("DAGSTER_HOME")
    return Path(named).expanduser().absolute() if named else instance_home(Mode(mode))


def load_settings() -> Settings:
    """Read the settings of the instance that DAGSTER_HOME (or else FACTORY_MODE) names.

    Each instance has its `.env` in its DAGSTER_HOME; the environment wins over it. What the file sets beside
    settings, such as a proxy, counts in this process and in what it starts, as Dagster has it.

    Raises:
        InputError: naming the file, the setting and what it may be.
    """
    home = chosen_home()
    if is_pinned(home):
        return _load(None)
    env_file = home / ".env"
    written = _read_strictly(env_file)
    warn_of_unknown([name for name in os.environ if name.startswith("FACTORY_")], Settings.model_fields)
    settings = _load(env_file)
    given = {name.upper() for name in os.environ}
    for name, value in written.items():
        if name.lower() not in Settings.model_fields and name.upper() not in given:
            os.environ[name] = value
    return settings


def is_pinned(home: Path) -> bool:
    """Whether this is a program that a command of the factory has started, with the settings of that moment."""
    return os.environ.get(_PINNED) == str(home)


def check_env_file(env_file: Path) -> None:
    """Refuse what the `.env` of an instance says, where it says it to whoever starts next.

    Raises:
        InputError: naming the file, the setting and what it may be.
    """
    written = {name.lower(): value for name, value in _read_strictly(env_file).items()}
    _load(env_file, {name: value for name, value in written.items() if name in Settings.model_fields})


def _read_strictly(env_file: Path) -> dict[str, str]:
    written = read_env_file(env_file)
    refuse_unknown(names_in(env_file), Settings.model_fields, where=str(env_file))
    return written


def pinned_environment() -> dict[str, str]:
    """The environment for the programs of this instance: the settings as they are now, `.env` included.

    What is started with it no longer reads `.env`, so that all programs of a factory, and the runs that they start
    later, work with the same settings.
    """
    home = chosen_home()
    given = {name.upper() for name, value in os.environ.items() if value}
    written = {} if is_pinned(home) else read_env_file(home / ".env")
    added = {
        name.upper(): value
        for name, value in written.items()
        if name.lower() in Settings.model_fields and name.upper() not in given
    }
    return {**os.environ, **added, "DAGSTER_HOME": str(home), _PINNED: str(home)}


def _load(env_file: Path | None, given: Mapping[str, str] | None = None) -> Settings:
    try:
        return Settings(_env_file=env_file, _env_file_encoding=ENCODING, **dict[str, Any](given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        from_environment = env_file is None or (os.environ.get(name) and name.lower() not in (given or {}))
        raise InputError(
            f"{name} is not valid: {first['msg'].removeprefix('Value error, ')}.",
            where="the environment" if from_environment else str(env_file),
            mend="See the settings table in README.md and .env.example.",
        ) from None


def _has_home() -> bool:
    try:
        return Path.home().is_absolute()
    except RuntimeError:
        return False
