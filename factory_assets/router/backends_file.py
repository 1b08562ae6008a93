"""The backends file: YAML of the operator's, which names each credential by its variable and so holds no secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator

from factory_assets.domain.errors import InputError
from factory_assets.router.abilities import Ability
from factory_assets.router.backends import Backend, BackendEntry, CredentialKind, Kind


class _File(BackendEntry):
    backends: tuple[Backend, ...] = Field(min_length=1)

    @field_validator("backends")
    @classmethod
    def _check_names(cls, backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
        names = [backend.name for backend in backends]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two backends have the name {twice}")
        if not any(backend.models or backend.any_model for backend in backends):
            raise ValueError("none of them answers questions: list the Claude API, too")
        return backends


def default_backend(
    base_url: str,
    kind: CredentialKind = CredentialKind.LOGIN,
    credential: SecretStr | None = None,
    *,
    name: str = "anthropic",
    private_network: bool = False,
) -> Backend:
    """The Claude API, where there is no file.

    Bounds and abilities by https://platform.claude.com/docs/en/about-claude/models/overview.

    Raises:
        InputError: the address is none that calls may be sent to.
    """
    claude = {"context_tokens": 1_000_000, "output_tokens": 128_000}
    able = frozenset(Ability) - {Ability.THINKING_BUDGET}
    models = (
        ("claude-haiku-5-5", 1, able),
        ("claude-sonnet-5-5", 2, able),
        ("claude-opus-5-5", 3, able - {Ability.NO_THINKING}),
    )
    try:
        return Backend.model_validate(
            {
                "name": name,
                "kind": Kind.ANTHROPIC,
                "private_network": private_network,
                "base_url": base_url,
                "credential_kind": kind,
                "credential": credential,
                "any_model": True,
                "models": [{"name": n, "tier": t, "abilities": a, **claude} for n, t, a in models],
            }
        )
    except ValidationError as error:
        raise InputError(
            f"{_said(error)}.",
            where="LLM_ROUTER_URL" if name == "router" else "ANTHROPIC_BASE_URL",
            fix="Set it to an https:// address, or describe the place in a backends file.",
        ) from None


def embeddings_backend(url: str, model: str) -> Backend:
    """The server of `POST {url}/v1/embeddings` that a setting names, which wants no credential and costs nothing.

    Raises:
        InputError: the address is none that texts may be sent to.
    """
    try:
        return Backend.model_validate(
            {
                "name": "embeddings",
                "kind": Kind.OPENAI,
                "private_network": True,
                "base_url": f"{url.rstrip('/')}/v1",
                "credential_kind": CredentialKind.NONE,
                "embeddings": [{"name": model}],
            }
        )
    except ValidationError as error:
        raise InputError(
            f"{_said(error)}.",
            where="FACTORY_EMBEDDINGS_URL",
            fix="Set it to an https:// address, or list its model under `embeddings` in a backends file.",
        ) from None


def load_backends(path: Path, environment: Mapping[str, str]) -> tuple[Backend, ...]:
    """The backends of a file, in the order in which they are tried.

    Raises:
        InputError: naming file, line and field, and never a value.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except OSError as error:
        raise InputError(
            f"The backends file cannot be read: {error.strerror}.",
            where=str(path),
            fix="Name a file that can be read, or none: without one, calls go to Claude's own API.",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML's own words quote the line, and a secret may stand there.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError("This is no YAML.", where=f"{path}{line}", fix="Correct that line.") from None
    if twice := _given_twice(root):
        where = f"{path}, line {twice.start_mark.line + 1}"
        raise InputError("A field is given twice.", where=where, fix="Keep one of the two.")
    try:
        return _File.model_validate(raw, context=dict(environment)).backends
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        raise InputError(
            f"{_said(error)}.",
            where=f"{path}, line {_line(root, place)}, {_field(place)}",
            fix="Correct that field, or take it out.",
        ) from None


def _said(error: ValidationError) -> str:
    words = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
    return words[:1].upper() + words[1:]


def _field(place: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the file"


def _line(root: yaml.Node | None, place: tuple[str | int, ...]) -> int:
    """The line, counted from 1, of the innermost part of the file that a place names."""
    node = root
    line = root.start_mark.line if root else 0
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        else:
            break
    return line + 1


def _given_twice(root: yaml.Node | None) -> yaml.Node | None:
    """A field that YAML would silently overwrite."""
    left: list[yaml.Node | None] = [root]
    known: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
            names = [str(key.value) for key, _ in pairs]
            for at, (key, value) in enumerate(pairs):
                if names[at] in names[:at]:
                    return key
                left.append(value)
    return None
