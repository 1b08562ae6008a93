"""The prompts of the three phases, rendered from the operator's templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import Spec
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.gates import gates_after
from factory_assets.languages import LANGUAGES
from factory_assets.languages.names import expected_files, names_of

REPAIR_TEMPLATE = "repair_build.md.j2"
RESUME_PROMPT = (
    "You were stopped by the turn limit. Go on where you stopped, and first of all bring what is there to a"
    " state that works: finish the file you were at, run the tests if you have a shell, and stop."
)

STOPPED_NOTE = (
    "\nAn earlier session of this phase was stopped before its end. What it had written is in the workspace: look"
    " at it before you write, and bring it to an end rather than beginning anew.\n"
)

_DELIMITER = re.compile(r"<(?=/?\s*(?:spec|files|gates)\b)", re.IGNORECASE)


def render_prompt(
    phase: Phase,
    spec: Spec,
    *,
    workspace: Path,
    turns: int,
    files: Sequence[str],
    prompts_dir: Path,
    has_contract: bool = False,
) -> str:
    """The prompt of one phase. `files` are the repository's paths before it, SPEC.md with a contract or without.

    Text from the spec goes in as data: on one line, without hidden characters, unable to close its delimiter.

    Raises:
        InputError: naming the template when it is missing or malformed.
    """
    return _render(
        prompts_dir,
        f"{phase}.md.j2",
        spec=spec,
        names=names_of(spec.name, spec.language),
        expected_files=expected_files(spec),
        workspace=workspace,
        turns=turns,
        files=files,
        has_contract=has_contract,
        gates=tuple({gate.name: gate for gate in gates_after(phase)}.values()),
        replaced=sorted(LANGUAGES[spec.language].replaces_tools),
    )


def render_repair_prompt(
    phase: Phase,
    spec: Spec,
    *,
    number: int,
    verdicts: Sequence[GateVerdict],
    workspace: Path,
    turns: int,
    files: Sequence[str],
    prompts_dir: Path,
) -> str:
    """The prompt of a repair round of a phase: what the gates refused, in their own words, as data like the spec.

    Raises:
        InputError: naming the template when it is missing or malformed.
    """
    return _render(
        prompts_dir,
        REPAIR_TEMPLATE,
        phase=phase.value,
        spec=spec,
        number=number,
        verdicts=verdicts,
        workspace=workspace,
        turns=turns,
        files=files,
    )


def _render(prompts_dir: Path, name: str, **values: object) -> str:
    try:
        return _environment(prompts_dir).get_template(name).render(values)
    except TemplateNotFound:
        raise InputError(
            "The prompt template is missing.",
            where=str(prompts_dir / name),
            fix="Restore it, or set FACTORY_PROMPTS_DIR.",
        ) from None
    except TemplateError as error:
        raise InputError(
            f"The prompt template cannot be rendered: {error}.",
            where=str(prompts_dir / name),
            fix="Correct the template; the names it may use are those of the one that came with the factory.",
        ) from error


# What a template was compiled to is kept until its file changes.
@cache
def _environment(prompts_dir: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(prompts_dir),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - a prompt is no HTML
        keep_trailing_newline=True,
    )
    environment.filters["data"] = _as_data
    environment.filters["lines"] = _as_lines
    return environment


def _as_data(text: str) -> str:
    return _DELIMITER.sub("&lt;", single_line(text))


def _as_lines(text: str) -> str:
    """Several lines as data: each begins with a mark, so that none can be taken for a line of the prompt."""
    visible = _DELIMITER.sub("&lt;", strip_hidden(text))
    return "\n".join(f"| {line}" for line in visible.splitlines())
