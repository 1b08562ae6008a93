"""The prompts of the three phases, rendered from the operator's templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound

from factory_assets.build.scaffold.scaffold import package_name
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import Spec
from factory_assets.domain.text import single_line

RESUME_PROMPT = (
    "You were stopped by the turn limit. Go on where you stopped, and first of all bring what is there to a"
    " state that works: finish the file you were at, run the tests if you have a shell, and stop."
)

_DELIMITER = re.compile(r"<(?=/?\s*(?:spec|files)\b)", re.IGNORECASE)


def render_prompt(
    phase: Phase, spec: Spec, *, workspace: Path, turns: int, files: Sequence[str], prompts_dir: Path
) -> str:
    """The prompt of one phase. `files` are the repository's paths before it.

    Text from the spec goes in as data: on one line, without hidden characters, unable to close its delimiter.

    Raises:
        InputError: naming the template when it is missing or malformed.
    """
    environment = Environment(
        loader=FileSystemLoader(prompts_dir),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - a prompt is no HTML
        keep_trailing_newline=True,
    )
    environment.filters["data"] = _as_data
    name = f"{phase}.md.j2"
    try:
        return environment.get_template(name).render(
            spec=spec,
            package=package_name(spec.name),
            workspace=workspace,
            turns=turns,
            files=files,
        )
    except TemplateNotFound:
        raise InputError(
            "The prompt template is missing.",
            where=str(prompts_dir / name),
            mend="Restore it, or set FACTORY_PROMPTS_DIR.",
        ) from None
    except TemplateError as error:
        raise InputError(
            f"The prompt template cannot be rendered: {error}.",
            where=str(prompts_dir / name),
            mend="Correct the template; the names it may use are those of the one that came with the factory.",
        ) from error


def _as_data(text: str) -> str:
    return _DELIMITER.sub("&lt;", single_line(text))
