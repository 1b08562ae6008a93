"""Where calls may be sent, by which credential, and what each model there is able to do.

An address is the operator's and is checked once, when it is read; nothing of a request can change it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.llm import prices
from factory_assets.router.abilities import Ability

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_MILLION = 1_000_000
_AGENTS_ALONE = frozenset({Ability.TOOLS, Ability.ADAPTIVE_THINKING, Ability.THINKING_BUDGET})
# Claude Code sends it along with a token of a subscription; without it the API refuses such a token.
_OAUTH_BETA = "oauth-2025-04-20"


class Use(StrEnum):
    """What a call is of: a question by itself, a turn of Claude Code, or texts that are to be made into vectors."""

    PLAIN = "plain"
    AGENTS = "agents"
    EMBEDDINGS = "embeddings"


class Kind(StrEnum):
    """Which API a backend speaks."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"


class CredentialKind(StrEnum):
    """What opens a backend, and which calls it may be used for.

    A subscription's token or login is authorised for Claude Code's own calls only, by Anthropic's terms:
    https://code.claude.com/docs/en/legal-and-compliance. The caller brings a login along; the router holds none.
    """

    NONE = "none"
    API_KEY = "api_key"
    AUTH_TOKEN = "auth_token"  # noqa: S105 - the name of a kind of token
    OAUTH_TOKEN = "oauth_token"  # noqa: S105 - as above
    LOGIN = "login"

    @property
    def is_subscription(self) -> bool:
        """Whether it is a subscriber's, which serves Claude Code alone."""
        return self in {CredentialKind.OAUTH_TOKEN, CredentialKind.LOGIN}

    @property
    def is_held(self) -> bool:
        """Whether the router holds a value of it."""
        return self not in {CredentialKind.NONE, CredentialKind.LOGIN}

    @property
    def beta(self) -> str | None:
        """What `anthropic-beta` must name beside it."""
        return _OAUTH_BETA if self.is_subscription else None

    def may_serve(self, use: Use) -> bool:
        """Whether calls of this use may be made by it."""
        return use is Use.AGENTS or not self.is_subscription


@dataclass(frozen=True, kw_only=True)
class CallNeeds:
    """What a call needs: the model that it is to go to, and what that must be able to do. Sizes are in tokens."""

    model: str
    use: Use
    input_tokens: int = 0
    output_tokens: int = 0
    abilities: frozenset[Ability] = frozenset()


class BackendEntry(BaseModel):
    """A part of the backends file; what it does not know is refused, and no error shows a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Price(BackendEntry):
    """Dollars for a million tokens of a model that `genai-prices` does not list."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class Model(BackendEntry):
    """A model of a backend: tier 1 (cheap) to 3 (strong), bounds in tokens, and what it can do."""

    name: str = Field(min_length=1)
    tier: int = Field(ge=1, le=3)
    context_tokens: int | None = Field(None, gt=0)
    output_tokens: int | None = Field(None, gt=0)
    abilities: frozenset[Ability] = frozenset()
    price: Price | None = None
    stands_in_for: tuple[str, ...] = ()

    def can_do(self, needs: CallNeeds) -> bool:
        """Whether its bounds and abilities are enough."""
        whole = needs.input_tokens + needs.output_tokens
        return (
            (self.context_tokens is None or whole <= self.context_tokens)
            and (self.output_tokens is None or needs.output_tokens <= self.output_tokens)
            and needs.abilities <= self.abilities
        )

    def cost_usd(self, usage: Usage, extras: prices.Extras | None = None) -> float:
        """Dollars of one call; where the file names a price, cached tokens cost what other input costs.

        Raises:
            InputError: neither the file nor `genai-prices` knows the price.
        """
        if self.price is None:
            return prices.cost_usd(self.name, usage, extras or prices.Extras())
        taken = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        return (taken * self.price.input + usage.output_tokens * self.price.output) / _MILLION


class EmbeddingsModel(BackendEntry):
    """A model that makes vectors: `price` is dollars for a million tokens, by default nothing on an own network."""

    name: str = Field(min_length=1)
    price: float | None = Field(None, ge=0, allow_inf_nan=False)

    @property
    def model(self) -> Model:
        """The same in the form of all others. What it makes is not comparable with another's, so none stands in."""
        return Model(name=self.name, tier=1, price=Price(input=self.price or 0.0, output=0.0))


def _from_environment(value: object, info: ValidationInfo) -> object:
    if value is None or isinstance(value, SecretStr):
        return value
    named = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    if named is None:
        raise ValueError("a credential is written as $NAME, the name of a variable; the file holds no secret")
    secret = (info.context or {}).get(named[1], "")
    if not secret.strip():
        raise ValueError(f"the variable {named[1]} is not set")
    return SecretStr(secret.strip())


class Backend(BackendEntry):
    """One place that calls may be sent to. `any_model`: it takes models that are not listed too."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    kind: Kind
    private_network: bool = False
    base_url: str
    credential_kind: CredentialKind = CredentialKind.API_KEY
    credential: Annotated[SecretStr | None, BeforeValidator(_from_environment)] = None
    any_model: bool = False
    models: tuple[Model, ...] = ()
    embeddings: tuple[EmbeddingsModel, ...] = ()

    @field_validator("base_url")
    @classmethod
    def _check_address(cls, url: str, info: ValidationInfo) -> str:
        _check_url(url, is_private=bool(info.data.get("private_network")))
        return url.rstrip("/")

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        for complaint in _complaints(self):
            raise ValueError(complaint)
        return self

    @property
    def header(self) -> tuple[str, str] | None:
        """The header that opens it; None where there is none, or where the caller brings its own along."""
        if self.credential is None:
            return None
        secret = self.credential.get_secret_value()
        if self.kind is Kind.ANTHROPIC and self.credential_kind is CredentialKind.API_KEY:
            return "x-api-key", secret
        return "authorization", f"Bearer {secret}"

    @property
    def fix(self) -> str:
        """What fixes a credential that it refuses."""
        match self.credential_kind:
            case CredentialKind.LOGIN:
                return "Log in again with `claude`, Claude Code's own program."
            case CredentialKind.OAUTH_TOKEN:
                return "Make a new token with `claude setup-token` and restart the router."
            case CredentialKind.NONE:
                return f"Name a credential for {self.name} in the backends file."
            case CredentialKind.API_KEY | CredentialKind.AUTH_TOKEN:
                return f"Replace the credential of {self.name} in .env and restart the router."

    def named(self, model: str) -> Model | None:
        """The model of this very name, as the file describes it, or the one that its name begins with."""
        exact = next((listed for listed in self.models if listed.name == model), None)
        if exact is not None or not self.any_model:
            return exact
        # A dated name, such as claude-haiku-5-5-20260601, is the same model.
        close = [listed for listed in self.models if model.startswith(f"{listed.name}-")]
        if close:
            return max(close, key=lambda listed: len(listed.name)).model_copy(update={"name": model})
        return Model(name=model, tier=3, abilities=frozenset(Ability))

    @property
    def all_models(self) -> tuple[Model, ...]:
        """Those that answer, and those that make vectors."""
        return (*self.models, *(listed.model for listed in self.embeddings))

    def serves(self, use: Use) -> bool:
        """Whether calls of this use may be sent here; what speaks OpenAI's form takes no turns of agents."""
        if use is Use.EMBEDDINGS:
            return bool(self.embeddings)
        is_able = self.kind is Kind.ANTHROPIC or (use is Use.PLAIN and bool(self.models))
        return is_able and self.credential_kind.may_serve(use)

    def meant(self, needs: CallNeeds) -> Model | None:
        """The model that a call names, whatever else it needs; None where it is not served here."""
        if not self.serves(needs.use):
            return None
        if needs.use is Use.EMBEDDINGS:
            return next((listed.model for listed in self.embeddings if listed.name == needs.model), None)
        return self.named(needs.model)

    def serving(self, needs: CallNeeds) -> Model | None:
        """The model here that can do a call: the one it names, or one that stands in for it."""
        own = self.meant(needs)
        if needs.use is Use.EMBEDDINGS or not self.serves(needs.use):
            return own
        able = [own] if own is not None else []
        able += [listed for listed in self.models if needs.model in listed.stands_in_for]
        return next((model for model in able if model.can_do(needs)), None)


def _check_url(url: str, *, is_private: bool) -> None:
    """Refuse an address that calls must not be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise ValueError("this is no address") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\\\x00-\x1f]", url):
        raise ValueError("an address is https://host, with a port and a path where it needs them")
    if "@" in parts.netloc:
        raise ValueError("the address holds a login; name a credential instead")
    if parts.query or parts.fragment:
        raise ValueError("the address has a query or a fragment; only a path can follow the host")
    address = _ip(host)
    if address and (address.is_link_local or address.is_multicast or address.is_unspecified):
        raise ValueError("no model is served at such an address (link-local, multicast or none)")
    is_loopback = _is_loopback(url)
    is_public = address is not None and address.is_global
    if parts.scheme == "http" and not is_loopback and (is_public or not is_private):
        raise ValueError(
            "an address with http:// is not encrypted: it may be this machine's, or, with `private_network: true`,"
            " one of a private network"
        )


def _is_loopback(url: str) -> bool:
    """Whether an address that can be read is this machine's."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    address = _ip(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # ::ffff:169.254.169.254 is the place that the IPv4 address is.
    return getattr(address, "ipv4_mapped", None) or address


def _complaints(backend: Backend) -> Iterator[str]:
    kind, is_openai = backend.credential_kind, backend.kind is Kind.OPENAI
    if kind.is_held and backend.credential is None:
        yield "there is no credential; without one, write `credential_kind: none`"
    if not kind.is_held and backend.credential is not None:
        yield f"`credential_kind: {kind}` takes no credential"
    if is_openai and kind.is_subscription:
        yield "a subscription of Claude opens no other API"
    if is_openai and (backend.any_model or any(m.abilities & _AGENTS_ALONE for m in backend.models)):
        yield "an OpenAI-compatible backend takes plain calls of its listed models only, without tools or thinking"
    if not backend.all_models and not backend.any_model:
        yield "it lists no model"
    if backend.embeddings and not is_openai:
        yield "embeddings are made by a backend of the kind openai; the Messages API has none"
    yield from _missing_prices(backend)


def _missing_prices(backend: Backend) -> Iterator[str]:
    for model in backend.models:
        if model.price is None and not _is_priced(model.name):
            yield f"no price is known for {model.name}: add `price` with `input` and `output`, dollars for a million"
    for listed in backend.embeddings:
        if listed.price is None and not (backend.private_network or _is_loopback(backend.base_url)):
            yield f"no price is known for {listed.name}: add `price`, dollars for a million tokens"


def _is_priced(model: str) -> bool:
    try:
        prices.cost_usd(model, Usage(calls=1))
    except InputError:
        return False
    return True
