"""Of a dependency it is not enough that it exists: its age, its releases, its name, and that something uses it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from build_fakes import SubprocessCommands
from build_material import tree_of
from package_registries import PackageRegistries, ago

from factory_assets.dependencies.indexes import on_crates, on_go, on_npm, on_pypi
from factory_assets.dependencies.online import Online
from factory_assets.dependencies.reputation import Listing, doubts
from factory_assets.domain.agents import Command, CommandResult
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.specs import Language
from factory_assets.gates.dependencies import resolve_dependencies

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing")


@pytest.fixture(scope="module")
def registries() -> Iterator[PackageRegistries]:
    with PackageRegistries() as served:
        served.add_wheel("leftpad", "1.2.0", {"leftpad.py": "", "padding/__init__.py": ""})
        served.add_wheel("newborn", "0.1.0", {"newborn.py": ""}, uploaded=ago(3))
        served.add_wheel("newborn", "0.1.1", {"newborn.py": ""}, uploaded=ago(2))
        served.add_wheel("reqeusts", "1.0.0", {"reqeusts.py": ""})
        served.add_wheel("framework", "1.0.0", {"framework.py": ""}, requires=('uploads; extra == "forms"',))
        served.add_wheel("uploads", "1.0.0", {"uploads_.py": ""})
        served.add_wheel("runner", "1.0.0", {"runner_.py": ""}, script="run-it")
        served.add_wheel("driver", "1.0.0", {"driver_.py": ""}, plugin="driver_")
        served.add_package("left-pad", "1.3.0", {"index.js": ""})
        served.add_package("lodahs", "1.0.0", {"index.js": ""})
        served.add_package(
            "view", "1.0.0", {"index.js": ""}, manifest={"peerDependencies": {"view-dom": "*"}}
        )
        served.add_package("view-dom", "1.0.0", {"index.js": ""})
        served.add_package("starter", "1.0.0", {"go.js": ""}, manifest={"bin": {"start-it": "go.js"}})
        served.add_crate("serde")
        served.add_crate("fresh-crate", published=ago(1))
        served.add_module("github.com/Some/Thing", "v1.0.0", "v1.10.0", "v1.2.0", committed=ago(900))
        served.add_module("github.com/some/untagged", committed=ago(5))
        yield served


@pytest.fixture
def online(tmp_path: Path, registries: PackageRegistries) -> Online:
    registries.status, registries.dates = 200, True
    return Online(
        commands=SubprocessCommands(), scratch=tmp_path / "fetched", indexes=registries.indexes, seconds=60
    )


def python(source: str, *dependencies: str, **files: str) -> dict[str, str]:
    declared = f'[project]\nname = "word-count"\nversion = "0.1.0"\ndependencies = {list(dependencies)}\n'
    return {"pyproject.toml": declared, "word_count/__init__.py": source, **files}


def judge(files: dict[str, str], online: Online, language: Language = Language.PYTHON) -> GateVerdict:
    return resolve_dependencies(language, tree_of(files), online).verdict


def test_every_registry_says_how_many_releases_there_are_and_when_the_first_came(
    registries: PackageRegistries, online: Online
) -> None:
    urls = online.indexes
    listed = {
        **on_pypi(urls.pypi_url, {"newborn", "nothing"}),
        **on_npm(urls.npm_url, {"left-pad"}),
        **on_crates(urls.crates_url, {"fresh-crate"}),
        **on_go(urls.go_url, {"github.com/Some/Thing", "github.com/some/untagged", "github.com/some/none"}),
    }
    ages = {
        name: found
        and (found.releases, found.first and round((ago(0) - found.first).total_seconds() / 86400))
        for name, found in listed.items()
    }
    assert ages == {
        "newborn": (2, 3),
        "nothing": None,
        "left-pad": (1, 2000),
        "fresh-crate": (1, 1),
        "github.com/Some/Thing": (3, 900),
        "github.com/some/untagged": (1, 5),
        "github.com/some/none": None,
    }
    registries.dates = False
    assert on_pypi(urls.pypi_url, {"newborn"}) == {"newborn": Listing(2, None)}
    assert on_npm(urls.npm_url, {"left-pad"}) == {"left-pad": Listing(1, None)}
    assert on_crates(urls.crates_url, {"serde"}) == {"serde": Listing(1, None)}


@pytest.mark.parametrize(
    ("name", "listing", "registry", "doubt"),
    [
        ("newborn", Listing(7, ago(29)), "pypi", "is too new to be trusted (7 releases, the first 29 days ago)"),
        ("newborn", Listing(7, ago(31)), "pypi", None),
        ("newborn", Listing(1, ago(60)), "pypi", "is too new to be trusted (1 release, the first 60 days ago)"),
        ("newborn", Listing(1, ago(100)), "pypi", None),
        ("newborn", Listing(1), "pypi", None),
        ("reqeusts", Listing(2, ago(900)), "pypi", "is easily taken for requests"),
        ("request", Listing(9, ago(200)), "pypi", "is easily taken for requests"),
        ("requestss", Listing(2), "pypi", "is easily taken for requests"),
        ("python_dateutils", Listing(2), "pypi", "is easily taken for python-dateutil"),
        ("type-scripts", Listing(2), "npm", None),
        ("type-script", Listing(2), "npm", "is easily taken for typescript"),
        ("lodahs", Listing(2), "npm", "is easily taken for lodash"),
        ("serde-json", Listing(1, ago(500)), "crates", "is easily taken for serde_json"),
        ("reqeusts", Listing(30, ago(900)), "pypi", None),
        ("requests", Listing(1, ago(400)), "pypi", None),
        ("PyYAML", Listing(1, ago(400)), "pypi", None),
        ("Python_DateUtil", Listing(1, ago(400)), "pypi", None),
        ("psycopg-binary", Listing(1, ago(400)), "pypi", None),
        ("word-count-core", Listing(1, ago(400)), "pypi", None),
    ],
)  # fmt: skip
def test_a_package_is_doubted_for_its_age_its_releases_and_its_name(
    name: str, listing: Listing, registry: str, doubt: str | None
) -> None:
    found = doubts({name: listing}, registry=registry, now=ago(0))
    assert found == [] if doubt is None else found[0].startswith(f"{name}, which {doubt}")


def test_a_young_package_and_one_with_a_misleading_name_are_refused_with_what_was_seen(
    online: Online,
) -> None:
    files = python("import newborn\nimport reqeusts\n", "newborn", "reqeusts>=1")
    assert judge(files, online).saw == (
        "2 faults in the dependencies\n"
        "doubtful dependency: pyproject.toml declares newborn, which is too new to be trusted"
        " (2 releases, the first 3 days ago)\n"
        "doubtful dependency: pyproject.toml declares reqeusts, which is easily taken for requests, and is hardly used"
        " itself (1 release, the first 2000 days ago)"
    )


def test_a_mirror_without_dates_is_not_judged_by_age_and_the_verdict_says_so(
    online: Online, registries: PackageRegistries
) -> None:
    registries.dates = False
    verdict = judge(python("import newborn\n", "newborn"), online)
    assert verdict.passed, verdict.saw
    assert verdict.saw.splitlines()[-1] == "not judged by age, which the registry does not tell: newborn"


def test_what_nothing_uses_is_refused_and_what_works_without_an_import_is_not(online: Online) -> None:
    source = "import framework\nimport subprocess\nsubprocess.run(['run-it'])\n"
    files = python(source, "framework", "uploads", "runner", "driver", "leftpad")
    assert judge(files, online).saw == (
        "a fault in the dependencies\n"
        "unused dependency: pyproject.toml declares leftpad for everybody who installs this, and nothing imports it:"
        " remove it, or declare it for development"
    )


def test_a_group_that_names_the_project_itself_declares_no_package(online: Online) -> None:
    files = python("import padding\n", "leftpad")
    files["pyproject.toml"] += (
        '[project.optional-dependencies]\ntest = ["pytest"]\nall = ["Word_Count[test]"]\n'
    )
    verdict = judge(files, online)
    assert verdict.passed, verdict.saw


@needs_npm
def test_an_npm_package_that_nothing_uses_is_refused_and_a_peer_or_a_program_is_not(online: Online) -> None:
    package = {
        "name": "word-count",
        "version": "0.1.0",
        "scripts": {"start": "start-it src/index.ts"},
        "dependencies": dict.fromkeys(("left-pad", "view", "view-dom", "starter"), "*"),
    }
    files = {"package.json": json.dumps(package), "src/index.ts": 'import { v } from "view";\n'}
    assert judge(files, online, Language.TYPESCRIPT).saw == (
        "a fault in the dependencies\n"
        "unused dependency: package.json declares left-pad for everybody who installs this, and nothing imports it:"
        " remove it, or move it to devDependencies"
    )


def test_an_npm_package_with_a_misleading_name_is_refused(online: Online) -> None:
    files = {"package.json": json.dumps({"name": "a", "devDependencies": {"lodahs": "*"}}), "src/a.ts": ""}
    assert (
        "declares lodahs, which is easily taken for lodash" in judge(files, online, Language.TYPESCRIPT).saw
    )


class Fetched(SubprocessCommands):
    """A cargo that finds every crate."""

    def run(self, command: Command) -> CommandResult:
        (command.workspace / "Cargo.lock").write_text("version = 3\n", encoding="utf-8")
        return CommandResult(0, "", timed_out=False, seconds=0.1)


@pytest.mark.parametrize(
    ("table", "source", "fault"),
    [
        ('[dependencies]\nserde = "1"\n', "fn main() {}\n", "unused dependency: Cargo.toml declares serde"),
        ('[dependencies]\nserde = "1"\n', "fn main() { serde::x(); }\n", None),
        ('[dev-dependencies]\nserde = "1"\n', "fn main() {}\n", None),
        ('[dependencies]\nserde = { version = "1", optional = true }\n', "fn main() {}\n", None),
        ('[dependencies]\nfresh-crate = "1"\n', "use fresh_crate::x;\n", "fresh-crate, which is too new"),
    ],
)
def test_a_crate_is_used_and_not_new(table: str, source: str, fault: str | None, online: Online) -> None:
    files = {"Cargo.toml": f'[package]\nname = "a"\nversion = "0.1.0"\n{table}', "src/main.rs": source}
    verdict = judge(files, replace(online, commands=Fetched()), Language.RUST)
    assert verdict.passed if fault is None else fault in verdict.saw
