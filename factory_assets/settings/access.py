"""How the factory gets at Claude, at GitHub and at citations."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from factory_assets.settings.kinds import AbsolutePath, Credential, WebAddress


class ClaudeSettings(BaseModel):
    """Claude: any one of the credentials serves."""

    anthropic_api_key: Credential | None = Field(None, description="Claude API key.")
    anthropic_auth_token: Credential | None = Field(None, description="Bearer token instead of an API key.")
    claude_code_oauth_token: Credential | None = Field(
        None, description="Claude Code's long-lived login token, for subscribers without an API key."
    )
    llm_router_url: WebAddress | None = Field(
        None, description="LLM router that every model call goes through."
    )
    factory_router_key: Credential | None = Field(
        None,
        description="Key of a router that several hosts share, the same on each; LLM_ROUTER_URL is that router then.",
    )
    anthropic_base_url: WebAddress = Field("https://api.anthropic.com", description="Claude API server.")
    claude_binary: AbsolutePath | None = Field(
        None, description="Claude Code program; the bundled one by default."
    )


class MirrorSettings(BaseModel):
    """GitHub, or a folder to mirror into."""

    github_token: Credential | None = Field(None, description="Token that may create and push repositories.")
    github_user: str | None = Field(None, description="Account or organisation that owns the mirrored repos.")
    factory_github_url: WebAddress = Field(
        "https://api.github.com", description="GitHub REST API (GitHub Enterprise)."
    )
    factory_github_visibility: Literal["public", "private"] = Field(
        "public", description="Visibility of a new repository on GitHub."
    )
    factory_mirror_dir: AbsolutePath | None = Field(
        None, description="Local folder to mirror into, where no GITHUB_TOKEN is set."
    )
    factory_mirror_interval: float = Field(30.0, ge=0, description="Seconds between two mirrored repos.")


class CitationSettings(BaseModel):
    """Citations: from OpenAlex where it has a key, else from Semantic Scholar."""

    openalex_api_key: Credential | None = Field(
        None, description="OpenAlex API key (free: https://openalex.org/settings/api)."
    )
    factory_openalex_url: WebAddress = Field("https://api.openalex.org", description="OpenAlex API.")
    semantic_scholar_api_key: Credential | None = Field(
        None, description="Semantic Scholar API key; without any key its shared, slow limit serves."
    )
    factory_semantic_scholar_url: WebAddress = Field(
        "https://api.semanticscholar.org", description="Semantic Scholar API."
    )
