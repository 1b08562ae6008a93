"""The commands that judge what is there already, without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from factory_assets.cli.common import console, leave
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.specs import Language

_NOT_JUDGED = 2


def judge(
    path: Annotated[Path, typer.Argument(help="The folder of a repository.", metavar="PATH")],
    *,
    language: Annotated[
        Language | None, typer.Option("--language", help="Its language; needed where the spec names none.")
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            "--spec",
            help="A JSON file with fields of a spec; what it leaves out is taken as usual.",
            metavar="FILE",
        ),
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", help="A folder with its documents; those in PATH otherwise.", metavar="DIR"),
    ] = None,
    acceptance: Annotated[
        Path | None,
        typer.Option(
            "--acceptance",
            help="A JSON file with a contract and scenarios, in which the repo is tried as in a build.",
            metavar="FILE",
        ),
    ] = None,
    is_read: Annotated[
        bool, typer.Option("--read", help="Ask the reader too, by the settings in force; costs some cents.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    pypi_url: Annotated[
        str | None, typer.Option(envvar="FACTORY_PYPI_URL", help="Package index; pip's own by default.")
    ] = None,
    npm_url: Annotated[
        str | None, typer.Option(envvar="FACTORY_NPM_URL", help="npm registry; npm's own by default.")
    ] = None,
) -> None:
    """Judge a copy of any tree by the gates of a build; needs no instance, and no model without --read.

    Ends with 0 when every gate passes, 1 when one refuses, 2 when it could not be judged.
    """
    from factory_assets.cli import judge as judging
    from factory_assets.dependencies.indexes import file_hosts
    from factory_assets.network.indexes import OwnIndexes

    try:
        tree, documents = _folder(path), _folder(docs) if docs is not None else None
        indexes = OwnIndexes(pypi_url, npm_url, files_of=file_hosts)
        said = judging.read_spec(spec, tree, language)
        agreed = judging.read_acceptance(acceptance, said.language) if acceptance is not None else None
        report = judging.judge_tree(tree, said, documents, indexes, is_read=is_read, acceptance=agreed)
    except FactoryError as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        raise typer.Exit(_NOT_JUDGED) from None
    if as_json:
        typer.echo(judging.as_json(report))
    else:
        judging.show_verdicts(report, console)
    raise typer.Exit(0 if judging.passes(report) else 1)


def rejudge(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The repo's name.")] = None,
    *,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="Every repo that has failed.")] = False,
) -> None:
    """Judge kept failed states by the gates of today that need no model; say which would pass, and change nothing."""
    from factory_assets.cli import rejudge as rejudging

    instance = open_instance()
    specs = rejudging.chosen(instance.parts.registry, name, all_failed=all_failed)
    reader = instance.settings.factory_reader
    leave(succeeded=rejudging.rejudge_all(specs, instance.parts, console, reader=reader))


def _folder(path: Path) -> Path:
    """The folder by its full name.

    Raises:
        InputError: it is none.
    """
    if not path.is_dir():
        what = "This is no folder." if path.exists() else "There is nothing of this name."
        raise InputError(what, where=str(path), fix="Name the folder to judge.")
    return path.resolve()
