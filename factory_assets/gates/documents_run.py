"""Running what documents show of the repo's own programs: `make build`, `--help`, and the examples of shell blocks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.base import Context
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.documents import FIX, judge_documents, read_documents
from factory_assets.gates.documents_calls import called_targets, make_targets, named_calls, typed_calls
from factory_assets.gates.documents_examples import example_faults, find_examples
from factory_assets.gates.documents_help import Helps
from factory_assets.gates.documents_shell import SECONDS_ALL, Shell, evidence
from factory_assets.gates.markdown import Document
from factory_assets.gates.shell_examples import is_placeholder
from factory_assets.languages import LANGUAGES
from factory_assets.languages.entry_points import EntryPrograms, StartCommand, find_programs
from factory_assets.languages.sources import is_source

_MOST_STARTED = 6
_SECONDS_STARTED = 5.0
_ANY_FILE = "README.md"


def judge_documented_commands(context: Context) -> GateVerdict:
    """The documents once more, now that what they name can be run."""
    verdict = judge_documents(context.phase, context.language, context.tree, context.scaffold)
    clone, tree = context.runs.clone, context.runs.final.tree
    Checkout(clone.folder, tree, clone.folders).restore()
    faults = run_documented_commands(
        language=context.language,
        clone=clone.folder,
        tree=tree,
        commands=context.runs.watched,
        seconds=context.runs.seconds(),
        env=clone.env,
    )
    if not faults:
        return verdict
    return verdict.model_copy(update={"passed": False, "saw": "\n".join(faults), "fix": FIX})


def run_documented_commands(
    *,
    language: Language,
    clone: Path,
    tree: Tree,
    commands: CommandRunner,
    seconds: float = SECONDS_ALL,
    env: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Run what the documents show of the repo's own programs, and say what does not work as they say.

    Each option that they show must be in the help, or in the sources where there is no help. An example has to end with
    0, with an exit code that the document names, or with the output that it shows. Of one that takes too long, needs a
    file that is not there or reads stdin, only its options and its subcommand are judged. Where no example can be run,
    each command is started with a file of the repo, for what it may be seen to do.

    Args:
        language: how programs are found and started.
        clone: a fresh clone in which the dependencies are installed; the commands may write into it.
        tree: the commit that the clone is of.
        commands: what runs the untrusted commands; they have no network.
        seconds: limit of all commands together, 90 at most; each has 30 seconds.
        env: variables by which the installed dependencies are found.
    """
    programs = find_programs(LANGUAGES[language].entry_points, tree)
    documents = read_documents(tree)
    shell = Shell(clone, programs, commands, seconds, env or {})
    helps = Helps(shell, (file.text for path, file in tree.items() if is_source(language, path, file)))
    faults = list(_build_faults(shell, documents.values(), programs))
    examples = [
        each for name, document in documents.items() for each in find_examples(name, document, programs)
    ]
    shown = [(each.place, launch) for each in examples for launch in each.launches]
    shown += [
        (f"{name}:{call.line}", launch)
        for name, document in documents.items()
        for call in named_calls(document)
        if isinstance(launch := programs.launch(call.words), StartCommand)
    ]
    for place, launch in shown:
        faults += helps.option_faults(place, launch)
    if "README.md" in documents:
        faults += helps.list_faults("README.md", documents["README.md"])
    for example in examples:
        faults += example_faults(example, helps, shell)
    if not any(example.can_run for example in examples):
        launches = [launch for _, launch in shown] + [StartCommand((name,), ()) for name in programs.commands]
        for script in list(dict.fromkeys(_started(launches)))[:_MOST_STARTED]:
            if shell.run(script, seconds=_SECONDS_STARTED) is None:
                break
    return tuple(dict.fromkeys(faults))


def _started(launches: Iterable[StartCommand]) -> Iterator[str]:
    """Ways to start what the documents show no way to start, so that what it does is seen."""
    for launch in launches:
        words = [word for word in launch.arguments if not word.startswith("[-")]
        filled = [_ANY_FILE if is_placeholder(word) else word for word in words]
        for arguments in (filled, [_ANY_FILE], []):
            yield f"{shlex.join((*launch.argv, *arguments))} <{_ANY_FILE}"


def _build_faults(shell: Shell, documents: Iterable[Document], programs: EntryPrograms) -> Iterator[str]:
    """What is compiled is compiled before it is shown; where the documents name `make build`, it has to work."""
    result = shell.run("make build") if "build" in make_targets(programs.tree) else None
    if result is None or not result.exit_code:
        return
    calls = [
        call for document in documents for call in [*named_calls(document), *typed_calls(document, programs)]
    ]
    if any("build" in called_targets(call) for call in calls):
        yield f"`make build`, which the documents name, ended with {result.exit_code}:\n{evidence(result)}"
