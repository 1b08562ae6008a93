"""Renders the prompt templates of structured questions: a static part for the system prompt, one for the request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.errors import InputError
from factory_assets.domain.sizes import MAX_LINES, MIN_LINES

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Prompts:
    """The templates `TASK.md.j2` in a folder, with the blocks `instructions`, `material` and `prompt` as they need."""

    folder: Path

    def instructions(self, task: str) -> str:
        """The part that is the same in every request.

        Raises:
            InputError: the template is missing or malformed, with its file and line.
        """
        return self._render(task, "instructions", {"min_lines": MIN_LINES, "max_lines": MAX_LINES})

    def request(self, task: str, **values: object) -> str:
        """The part of this request. Raises as `instructions`, and where a value is missing."""
        return self._render(task, "prompt", values)

    def material(self, task: str, **values: object) -> str:
        """The part that several requests share, each about something else in it. Raises as `request`."""
        return self._render(task, "material", values)

    def _render(self, task: str, block: str, values: dict[str, object]) -> str:
        from jinja2 import TemplateError, TemplateSyntaxError  # noqa: PLC0415  only an analysis needs it

        name = f"{task}.md.j2"
        try:
            template = _environment(self.folder).get_template(name)
            if block not in template.blocks:
                raise InputError(
                    f"It has no block {block!r}.",
                    where=str(self.folder / name),
                    fix=f"Put the text between {{% block {block} %}} and {{% endblock %}}.",
                )
            return "".join(template.blocks[block](template.new_context(values))).strip()
        except TemplateError as error:
            line = f":{error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
            raise InputError(
                f"The prompt template cannot be used: {error.message}.",
                where=f"{self.folder / name}{line}",
                fix="Fix the template, or point FACTORY_PROMPTS_DIR to the right folder.",
            ) from error


# What a template was compiled to is kept until its file changes.
@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  as above

    return Environment(  # noqa: S701  text for a model: HTML escaping would change it
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
