"""How Claude Code is given the token that opens its way to the model: in the place of the operator's credentials."""

from __future__ import annotations

from collections.abc import Iterable

from factory_assets.llm.model_access import Pass

API_KEY_BEGINNING = "sk-ant-api03-"
# The program looks at how a credential begins, and sends other headers beside a token than beside a key.
_BEGINNINGS = {
    "ANTHROPIC_API_KEY": API_KEY_BEGINNING,
    "ANTHROPIC_AUTH_TOKEN": API_KEY_BEGINNING,
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-",
}
LOGIN_BEGINNING = _BEGINNINGS["CLAUDE_CODE_OAUTH_TOKEN"]


def shown_as(names: Iterable[str], way: Pass) -> dict[str, str]:
    """The variables that tell the program of its way, by the names of the credentials that it takes the place of."""
    return {name: way.token(_BEGINNINGS[name]) for name in names}
