"""The environment in which gates run commands of a repo: no network, no caches of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from factory_assets.domain.trees import Tree
from factory_assets.gates.go_cache import go_cache_variables
from factory_assets.languages.clocks import GO_CACHE
from factory_assets.languages.entry_points import EntryPoints

_OFFLINE = {
    "CI": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    # Plugins that the repo declares are named in PYTEST_PLUGINS.
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "GOTOOLCHAIN": "local",
    "GOPROXY": "off",
    "GOWORK": "off",
    "GOENV": "off",
    "CARGO_NET_OFFLINE": "true",
    "npm_config_update_notifier": "false",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
_SHOWN_PLAINLY = {"NO_COLOR": "1", "COLUMNS": "200", "CARGO_TERM_QUIET": "true"}


def gate_environment(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """For commands in a clone. `given` is what the dependencies need, and comes first."""
    # One cache for all runs: without it, each compiles Go's standard library anew.
    variables = {**_OFFLINE, **go_cache_variables(folder / GO_CACHE)}
    flags = " ".join(env["GOFLAGS"] for env in (variables, given) if "GOFLAGS" in env)
    return {**variables, **given, **({"GOFLAGS": flags} if flags else {})}


def program_environment(
    clone: Path, entries: EntryPoints, tree: Tree, given: Mapping[str, str]
) -> dict[str, str]:
    """For a repo's own programs in a clone: nothing in it by which one could tell that a test runner watches it."""
    whole = gate_environment(clone, given).items()
    variables = {name: value for name, value in whole if name != "CI" and not name.startswith("PYTEST_")}
    if entries.search:
        variable, folders = entries.search
        own = [str(clone / folder) for folder in folders(tree)]
        variables[variable] = ":".join([*own, *filter(None, [given.get(variable)])])
    return variables | _SHOWN_PLAINLY
