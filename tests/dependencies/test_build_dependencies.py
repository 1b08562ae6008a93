"""What the code imports is declared, exists and is locked: the real pip and npm against loopback registries."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from build_fakes import SubprocessCommands
from build_material import tree_of, write_files
from package_registries import PackageRegistries

from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import Resolution
from factory_assets.domain.agents import CommandResult
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.indexes import Indexes
from factory_assets.domain.specs import Language
from factory_assets.gates.dependencies import install_locked, resolve_dependencies
from factory_assets.gates.tests_run import TestRuns as RunsOfTests
from factory_assets.languages.imports import outside_imports

NOWHERE = Indexes(
    pypi_url="http://127.0.0.1:9/simple",
    npm_url="http://127.0.0.1:9",
    crates_url="http://127.0.0.1:9",
    go_url="http://127.0.0.1:9",
)
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing")
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="go is missing")


LATER = """import pytest


def pytest_addoption(parser):
    parser.addini("asyncio_mode", "how")


@pytest.fixture
def later(request):
    return request.config.getini("asyncio_mode")
"""


@pytest.fixture(scope="module")
def registries() -> Iterator[PackageRegistries]:
    with PackageRegistries() as served:
        served.add_wheel("leftpad", "1.2.0", {"leftpad/__init__.py": "def pad(s): return ' ' + s\n"})
        served.add_wheel("stringer", "0.3.0", {"stringer.py": "import leftpad\n"}, requires=("leftpad",))
        served.add_wheel(
            "pytest-later",
            "1.0.0",
            {"pytest_later/plugin.py": LATER},
            requires=("other-plugin",),
            plugin="pytest_later.plugin",
        )
        served.add_wheel("other-plugin", "1.0.0", {"other_plugin.py": "1 / 0\n"}, plugin="other_plugin")
        served.add_crate("serde")
        served.add_crate("serde_core")
        served.add_package("left-pad", "1.3.0", {"index.js": "module.exports = (s) => ' ' + s;\n"})
        served.add_package("@scope/tool", "2.0.0", {"index.js": ""}, install="touch /tmp/never")
        yield served


@pytest.fixture
def online(tmp_path: Path, registries: PackageRegistries) -> Online:
    registries.status = 200
    return at(registries, tmp_path)


def at(registries: PackageRegistries, folder: Path) -> Online:
    commands, scratch = SubprocessCommands(), folder / "fetched"
    return Online(commands=commands, scratch=scratch, indexes=registries.indexes, seconds=60)


def nowhere(tmp_path: Path) -> Online:
    return Online(commands=SubprocessCommands(), scratch=tmp_path / "fetched", indexes=NOWHERE, seconds=60)


def project(*dependencies: str, extra: str = "") -> str:
    return f'[project]\nname = "word-count"\nversion = "0.1.0"\ndependencies = {list(dependencies)}\n{extra}'


def python(source: str, *dependencies: str, extra: str = "", test: str = "") -> dict[str, str]:
    return {
        "pyproject.toml": project(*dependencies, extra=extra),
        "word_count/__init__.py": "",
        "word_count/cli.py": source,
        "tests/test_cli.py": f"from word_count import cli\n{test}",
    }


STRINGER = python("import stringer\n", "stringer>=0.1")


def resolve(files: dict[str, str], online: Online, language: Language = Language.PYTHON) -> Resolution:
    return resolve_dependencies(language, tree_of(files), online)


def names(language: Language, files: dict[str, str]) -> list[str]:
    return [f"{found.name} {found.where}" for found in outside_imports(language, tree_of(files))]


def test_the_standard_library_and_the_repos_own_modules_are_no_dependencies() -> None:
    source = (
        "from __future__ import annotations\nimport json, os.path\nimport word_count.other\nfrom . import x\n"
    )
    files = python(source, test="import pytest\nimport helpers\n") | {"tests/helpers.py": ""}
    assert names(Language.PYTHON, files) == []


def test_an_import_inside_a_function_counts_and_one_that_may_fail_is_optional() -> None:
    source = (
        "def f():\n    import numpy as np\n\ntry:\n    import rich\nexcept ImportError:\n    rich = None\n"
        "import importlib\nyaml = importlib.import_module('yaml')\n"
    )
    found = outside_imports(Language.PYTHON, tree_of(python(source)))
    assert [(one.name, one.line, one.optional) for one in found] == [
        ("numpy", 2, False),
        ("rich", 5, True),
        ("yaml", 9, False),
    ]


def test_a_module_whose_name_is_worked_out_or_relative_is_none_that_a_registry_could_have() -> None:
    source = (
        "import importlib\n\ndef load(name):\n    importlib.import_module(f'{__package__}.{name}')\n"
        "    importlib.import_module('.cli', __package__)\n    __import__('plugins_' f'{name}')\n"
        "    importlib.import_module(f'yaml')\n"
    )
    found = outside_imports(Language.PYTHON, tree_of(python(source)))
    assert [one.name for one in found] == ["yaml"]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import tomllib\nexcept ImportError:\n    import tomli as tomllib\n",
        "try:\n    import ujson as json\nexcept (ImportError, AttributeError):\n    import simplejson as json\n",
        "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli as tomllib\n",
        "import sys\nif sys.platform == 'win32':\n    import pywin32\n",
        "from contextlib import suppress\nwith suppress(ImportError):\n    import rich\n",
        "from importlib.util import find_spec\nif find_spec('rich'):\n    import rich\n",
        "import pytest\nrich = pytest.importorskip('rich')\n",
        "import typing\nif typing.TYPE_CHECKING:\n    from rich import console\n",
    ],
)
def test_an_import_that_the_code_can_do_without_is_optional(source: str) -> None:
    found = outside_imports(Language.PYTHON, tree_of(python(source)))
    assert found
    assert all(one.optional for one in found)


def test_an_import_that_another_error_or_condition_guards_is_needed() -> None:
    source = (
        "import sys\ntry:\n    import numpy\nexcept ValueError:\n    import pandas\n"
        "if sys.argv:\n    import rich\nmodule = __import__('yaml')\n"
    )
    found = outside_imports(Language.PYTHON, tree_of(python(source)))
    assert [(one.name, one.optional) for one in found] == [
        ("numpy", False),
        ("pandas", False),
        ("rich", False),
        ("yaml", False),
    ]


@pytest.mark.parametrize(
    ("language", "path", "text"),
    [
        (Language.PYTHON, "tests/fixtures/app.py", "import django\n"),
        (Language.PYTHON, "tests/unit/fixtures/app.py", "import django\n"),
        (Language.PYTHON, "examples/app.py", "import flask\n"),
        (Language.GO, "scan/testdata/app.go", 'package app\n\nimport "github.com/o/p"\n'),
        (Language.GO, "examples/app.go", 'package app\n\nimport "github.com/o/p"\n'),
        (Language.TYPESCRIPT, "tests/fixtures/app.ts", 'import x from "express";\n'),
        (Language.RUST, "examples/app.rs", "use clap::Parser;\n"),
    ],
)
def test_fixtures_and_examples_are_no_code_of_the_repo(language: Language, path: str, text: str) -> None:
    assert names(language, {path: text}) == []
    in_package = f"pkg/{path.rpartition('/')[2]}"
    assert len(names(language, {in_package: text})) == 1


@pytest.mark.parametrize(
    ("language", "path", "opening"),
    [
        (Language.PYTHON, "pkg/a.py", "(__import__('a'),f"),
        (Language.PYTHON, "pkg/a.py", "try:\n import a\nexcept:0\n"),
        (Language.TYPESCRIPT, "src/a.ts", "(require('a'),f"),
        (Language.GO, "a.go", "(import"),
        (Language.RUST, "src/a.rs", "use a::{"),
    ],
)
def test_code_that_is_nested_or_repeated_without_measure_is_read_all_the_same(
    language: Language, path: str, opening: str
) -> None:
    outside_imports(language, tree_of({path: opening * 20_000}))


def test_a_module_inside_the_package_does_not_hide_a_distribution_of_the_same_name() -> None:
    files = python("") | {"word_count/yaml.py": "", "tests/test_yaml.py": "import yaml\n"}
    assert names(Language.PYTHON, files) == ["yaml tests/test_yaml.py:1"]


def test_typescript_imports_are_found_in_every_form_and_not_in_strings_and_comments() -> None:
    source = (
        'import fs from "node:fs";\nimport path from "path";\nimport { a,\n  b } from "left-pad";\n'
        'import "@scope/tool/register";\nexport * from "./own.js";\nimport type { T } from "typed";\n'
        'const later = await import("lazy");\n// import x from "comment"\n'
        'import old = require("older"); const r = require(`quoted`); const n = load("not-imported");\n'
        'const text = `import y from "template"`;\nconst s = "from"; const t = "innocent";\n'
    )
    assert names(Language.TYPESCRIPT, {"src/index.ts": source}) == [
        "@scope/tool src/index.ts:5",
        "lazy src/index.ts:8",
        "left-pad src/index.ts:4",
        "older src/index.ts:10",
        "quoted src/index.ts:10",
        "typed src/index.ts:7",
    ]


def test_go_imports_of_the_own_module_and_the_standard_library_are_no_dependencies() -> None:
    source = (
        'package main\n\nimport (\n\t"fmt"\n\tx "net/http"\n\n\t"github.com/o/word/count"\n\t"golang.org/x/text"\n)\n'
        'import "wordcount/internal"\n\nvar s = "github.com/not/imported"\n'
    )
    assert names(Language.GO, {"go.mod": "module github.com/o/word\n", "main.go": source}) == [
        "golang.org/x/text main.go:8",
        "wordcount/internal main.go:10",
    ]


def test_rust_uses_of_own_modules_and_the_standard_library_are_no_dependencies() -> None:
    source = "mod count;\nuse std::io;\nuse count::words;\nuse serde::Serialize;\nuse self::count as c;\nfn main() {}\n"
    source += "use std::{fmt, io::{self as inout}};\nuse fmt::Display;\nuse inout::Read;\n"
    files = {
        "Cargo.toml": '[package]\nname = "word-count"\n',
        "src/lib.rs": source,
        "tests/words.rs": "use word_count::count;\n",
    }
    assert names(Language.RUST, files) == ["serde src/lib.rs:4"]


@pytest.mark.parametrize(
    ("language", "files"),
    [
        (Language.PYTHON, python("import json\n")),
        (Language.GO, {"go.mod": "module x.org/y\n", "main.go": 'package main\nimport "fmt"\n'}),
        (
            Language.RUST,
            {"Cargo.toml": '[package]\nname = "a"\n[dependencies]\n', "src/lib.rs": "use std::io;\n"},
        ),
        (Language.TYPESCRIPT, {"package.json": "{}", "src/index.ts": 'import "node:fs";\n'}),
    ],
)
def test_a_repo_that_needs_nothing_touches_no_network(
    language: Language, files: dict[str, str], tmp_path: Path
) -> None:
    resolution = resolve(files, nowhere(tmp_path), language)
    assert resolution.verdict.passed
    assert resolution.files == {}


@pytest.fixture(scope="module")
def stringer(tmp_path_factory: pytest.TempPathFactory, registries: PackageRegistries) -> Resolution:
    """What resolving STRINGER came to, once for all tests that look at it."""
    return resolve(STRINGER, at(registries, tmp_path_factory.mktemp("stringer")))


def test_a_declared_python_dependency_is_locked_with_its_hash_and_stands_ready_offline(
    stringer: Resolution, registries: PackageRegistries, tmp_path: Path
) -> None:
    assert stringer.verdict.passed, stringer.verdict.saw
    lock = stringer.files["requirements.lock"].decode()
    assert f"leftpad==1.2.0 \\\n    --hash=sha256:{registries.digests['leftpad']}\n" in lock
    assert lock.index("leftpad==") < lock.index("stringer==0.3.0")
    assert registries.url not in lock
    env = stringer.provide(tmp_path)
    code = "import stringer, leftpad; print(leftpad.pad('x'), leftpad.__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f" x {tmp_path}")


def test_the_same_dependencies_give_the_same_lock_file(stringer: Resolution, online: Online) -> None:
    assert resolve(STRINGER, online).files == stringer.files


def test_what_is_locked_is_installed_again_and_only_by_its_hash(stringer: Resolution, online: Online) -> None:
    lock = stringer.files["requirements.lock"].decode()
    again = install_locked(Language.PYTHON, tree_of({**STRINGER, "requirements.lock": lock}), online)
    assert again.verdict.passed
    forged = re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock)
    refused = install_locked(Language.PYTHON, tree_of({**STRINGER, "requirements.lock": forged}), online)
    assert "HASHES" in refused.verdict.saw


def test_an_undeclared_package_that_exists_is_named_as_missing_with_its_place(online: Online) -> None:
    verdict = resolve(python("import json\nimport leftpad\n"), online).verdict
    assert not verdict.passed
    assert "missing dependency: word_count/cli.py:2 imports leftpad: declare leftpad" in verdict.saw


def test_a_package_that_came_only_with_another_one_must_be_declared(online: Online) -> None:
    verdict = resolve(python("import stringer\nimport leftpad\n", "stringer"), online).verdict
    assert "missing dependency: word_count/cli.py:2 imports leftpad" in verdict.saw


def test_a_module_that_no_registry_has_is_an_unknown_package(online: Online) -> None:
    verdict = resolve(python("import quantumsort\n"), online).verdict
    assert "unknown package: word_count/cli.py:1 imports quantumsort" in verdict.saw


def test_a_declared_package_that_no_registry_has_is_an_invented_dependency(online: Online) -> None:
    verdict = resolve(python("", "leftpad", "reqeusts-pro>=2"), online).verdict
    assert verdict.saw.splitlines() == [
        "a fault in the dependencies",
        "invented dependency: pyproject.toml declares reqeusts-pro, and the registry has no such package",
    ]


def test_what_builds_a_package_is_held_to_the_registry_like_what_it_needs(
    tmp_path: Path, online: Online
) -> None:
    build = '[build-system]\nrequires = ["setuptools>=61", "wheel", "fast-build-helper"]\n'
    verdict = resolve(python("", extra=build), online).verdict
    assert "pyproject.toml declares fast-build-helper, and the registry has no such package" in verdict.saw
    from_elsewhere = build.replace("fast-build-helper", "helper @ https://example.org/helper.whl")
    assert "comes from the registry" in resolve(python("", extra=from_elsewhere), online).verdict.saw
    usual = build.replace("fast-build-helper", "setuptools-scm[toml]")
    assert resolve(python("", extra=usual), nowhere(tmp_path)).verdict.passed


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        (".npmrc", "save-exact=true\nregistry=https://packages.example.net/\n", ".npmrc sets registry"),
        (".npmrc", "@firm:registry = https://packages.example.net/\n", ".npmrc sets @firm:registry"),
        (".npmrc", "script-shell=./run.sh\n", ".npmrc sets script-shell"),
        ("requirements.txt", "--extra-index-url=https://packages.example.net/simple\n", "--extra-index-url"),
        (
            "requirements-dev.txt",
            "-i https://packages.example.net/simple  # ours\n",
            "requirements-dev.txt sets -i",
        ),
        ("pyproject.toml", '[[tool.uv.index]]\nurl = "https://packages.example.net"\n', "[tool.uv] index"),
        (
            "pyproject.toml",
            '[[tool.poetry.source]]\nname = "a"\nurl = "http://1.2.3.4"\n',
            "[tool.poetry] source",
        ),
    ],
)
def test_a_repo_does_not_say_from_where_installers_fetch(
    tmp_path: Path, path: str, text: str, says: str
) -> None:
    verdict = resolve({path: text}, nowhere(tmp_path)).verdict
    assert not verdict.passed
    assert says in verdict.saw


def test_settings_of_installers_that_lead_nowhere_else_are_nobodys_business(tmp_path: Path) -> None:
    files = {
        ".npmrc": "engine-strict=true\npackage-lock=false\nregistry=https://registry.npmjs.org/\n",
        "requirements.txt": "--index-url https://pypi.org/simple\n# --extra-index-url https://x.example.net\n",
        "pyproject.toml": '[tool.uv]\nindex-url = "https://pypi.org/simple"\nmanaged = true\n',
        "tests/fixtures/.npmrc": "registry=https://packages.example.net/\n",
    }
    assert resolve(files, nowhere(tmp_path)).verdict.passed


def test_a_version_that_does_not_exist_is_refused_in_pips_words(online: Online) -> None:
    verdict = resolve(python("import leftpad\n", "leftpad>=99"), online).verdict
    assert not verdict.passed
    assert "leftpad>=99" in verdict.saw


@pytest.mark.parametrize(
    ("language", "path"), [(Language.PYTHON, "pyproject.toml"), (Language.RUST, "Cargo.toml")]
)
def test_a_project_file_that_is_broken_or_nested_without_end_is_refused(
    language: Language, path: str, online: Online
) -> None:
    for text in ("a = [", f"a = {'[' * 50_000}{']' * 50_000}\n"):
        verdict = resolve({path: text}, online, language).verdict
        assert f"{path} is no TOML" in verdict.saw


def test_a_dependency_from_an_address_is_refused(online: Online) -> None:
    verdict = resolve(python("import leftpad\n", "leftpad @ https://example.org/leftpad.whl"), online).verdict
    assert "comes from the registry" in verdict.saw


def test_a_test_may_use_what_is_declared_for_tests_and_a_source_may_not(online: Online) -> None:
    extra = '[project.optional-dependencies]\ntest = ["leftpad", "pytest>=8"]\n'
    assert resolve(python("", extra=extra, test="import leftpad\n"), online).verdict.passed
    assert not resolve(python("import leftpad\n", extra=extra), online).verdict.passed


def test_a_function_may_import_what_is_declared_for_an_extra_and_its_tests_then_have_it(
    online: Online,
) -> None:
    extra = '[project.optional-dependencies]\npadding = ["leftpad"]\n'
    asked = "def pad(text):\n    import leftpad\n    return leftpad\n"
    resolution = resolve(python(asked, extra=extra), online)
    assert resolution.verdict.passed, resolution.verdict.saw
    assert "leftpad==" in resolution.files["requirements.lock"].decode()
    assert not resolve(python(asked, extra='[dependency-groups]\ndev = ["leftpad"]\n'), online).verdict.passed
    assert not resolve(python(asked), online).verdict.passed


def test_a_declared_plugin_of_pytest_is_loaded_in_both_runs_and_no_other(
    online: Online, tmp_path: Path
) -> None:
    tests = "".join(f"\n\ndef test_{word}(later):\n    assert later == 'auto'\n" for word in "abc")
    extra = (
        '[project.optional-dependencies]\ntest = ["pytest-later"]\n'
        "[tool.pytest.ini_options]\nasyncio_mode = 'auto'\npythonpath = ['.']\n"
    )
    files = python("def count():\n    return 1\n", extra=extra, test=tests)
    files["Makefile"] = "test:\n\tpython3 -m pytest -q\n"
    resolution = resolve(files, online)
    assert resolution.verdict.passed, resolution.verdict.saw
    assert resolution.env == {"PYTEST_PLUGINS": "pytest_later.plugin"}
    clone, env = tmp_path / "clone", {}
    write_files(clone, files)
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **resolution.provide(clone)}
    runs = RunsOfTests(
        language=Language.PYTHON,
        clone=clone,
        tree=tree_of(files),
        commands=SubprocessCommands(),
        seconds=60,
        env=env,
        folders=tuple(resolution.folders),
    )
    judged = runs.judge_passing(), runs.judge_running(), runs.judge_executed()
    assert [verdict.saw for verdict in judged if not verdict.passed] == []
    assert runs.own.report.executed == 3


@pytest.mark.parametrize("status", [500, 503, 429, 403])
def test_a_registry_that_does_not_answer_properly_is_no_verdict(
    status: int, online: Online, registries: PackageRegistries
) -> None:
    registries.status = status
    with pytest.raises(InfrastructureError, match=str(status)):
        resolve(python("import leftpad\n", "leftpad"), online)


def test_a_registry_out_of_reach_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        resolve(python("import leftpad\n", "leftpad"), nowhere(tmp_path))


def test_pip_that_is_cut_off_is_no_verdict(tmp_path: Path, registries: PackageRegistries) -> None:
    class CutOff(SubprocessCommands):
        def run(self, command):  # type: ignore[no-untyped-def]
            argv = tuple(part.replace(registries.url, "http://127.0.0.1:9") for part in command.argv)
            return super().run(replace(command, argv=(*argv, "--retries", "1")))

    registries.status = 200
    online = Online(commands=CutOff(), scratch=tmp_path / "fetched", indexes=registries.indexes)
    with pytest.raises(InfrastructureError, match="pip could not reach"):
        resolve(python("import leftpad\n", "leftpad"), online)


def test_a_registry_that_fails_while_pip_asks_it_is_no_verdict(
    tmp_path: Path, registries: PackageRegistries
) -> None:
    class Failing(SubprocessCommands):
        def run(self, command):  # type: ignore[no-untyped-def]
            registries.status = 502
            return super().run(command)

    registries.status = 200
    online = replace(at(registries, tmp_path), commands=Failing())
    with pytest.raises(InfrastructureError, match="pip could not reach"):
        resolve(python("import leftpad\n", "leftpad"), online)


def package_json(**declared: dict[str, str]) -> str:
    return json.dumps({"name": "word-count", "version": "0.1.0", **declared})


@needs_npm
def test_npm_locks_without_an_address_and_runs_no_script(
    online: Online, registries: PackageRegistries, tmp_path: Path
) -> None:
    declared = package_json(dependencies={"left-pad": "^1.0.0"}, devDependencies={"@scope/tool": "2.0.0"})
    files = {"package.json": declared, "src/index.ts": 'import pad from "left-pad";\n'}
    resolution = resolve(files, online, Language.TYPESCRIPT)
    assert resolution.verdict.passed, resolution.verdict.saw
    lock = resolution.files["package-lock.json"].decode()
    assert '"version": "1.3.0"' in lock
    assert "127.0.0.1" not in lock
    clone = tmp_path / "clone"
    clone.mkdir()
    resolution.provide(clone)
    assert (clone / "node_modules/left-pad/index.js").is_file()
    again = install_locked(Language.TYPESCRIPT, tree_of({**files, "package-lock.json": lock}), online)
    assert again.verdict.passed


@needs_npm
def test_a_version_that_npm_does_not_find_is_refused(online: Online) -> None:
    files = {"package.json": package_json(dependencies={"left-pad": "^9.0.0"}), "src/index.ts": ""}
    verdict = resolve(files, online, Language.TYPESCRIPT).verdict
    assert not verdict.passed
    assert "left-pad@^9.0.0" in verdict.saw


def test_an_undeclared_an_unknown_and_an_invented_npm_package_are_told_apart(online: Online) -> None:
    files = {
        "package.json": package_json(dependencies={"no-such-thing": "1"}),
        "src/index.ts": 'import a from "left-pad";\nimport b from "quantum-sort";\n',
    }
    saw = resolve(files, online, Language.TYPESCRIPT).verdict.saw
    assert "invented dependency: package.json declares no-such-thing" in saw
    assert "missing dependency: src/index.ts:1 imports left-pad: declare it" in saw
    assert "unknown package: src/index.ts:2 imports quantum-sort" in saw


def test_a_source_that_imports_a_development_dependency_is_refused_and_a_test_is_not(online: Online) -> None:
    declared = package_json(devDependencies={"left-pad": "^1.0.0"})
    source = 'import pad from "left-pad";\n'
    refused = resolve({"package.json": declared, "src/a.ts": source}, online, Language.TYPESCRIPT).verdict
    assert "users of the package do not get" in refused.saw
    assert outside_imports(Language.TYPESCRIPT, tree_of({"tests/a.test.ts": source}))[0].test


@pytest.mark.parametrize(
    "place", ["git+https://example.org/x.git", "file:../x", "https://example.org/x.tgz", "o/x"]
)
def test_an_npm_dependency_from_elsewhere_is_refused(place: str, online: Online) -> None:
    files = {"package.json": package_json(dependencies={"left-pad": place}), "src/a.ts": ""}
    assert "comes from the registry" in resolve(files, online, Language.TYPESCRIPT).verdict.saw


def test_a_go_import_by_a_wrong_module_path_is_unknown(tmp_path: Path) -> None:
    files = {"go.mod": "module github.com/o/word\n", "main.go": 'package main\nimport "word/count"\n'}
    verdict = resolve(files, nowhere(tmp_path), Language.GO).verdict
    assert (
        "main.go:2 imports word/count, which is neither Go's nor in this module (github.com/o/word)"
        in verdict.saw
    )


@needs_go
def test_a_go_proxy_out_of_reach_is_no_verdict(tmp_path: Path) -> None:
    files = {
        "go.mod": "module github.com/o/word\n\ngo 1.22\n",
        "main.go": 'package main\nimport "golang.org/x/text"\n',
    }
    with pytest.raises(InfrastructureError, match="go mod tidy could not reach"):
        resolve(files, nowhere(tmp_path), Language.GO)


def test_a_crate_registry_out_of_reach_is_no_verdict(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "a"\n[dependencies]\nserde = "1"\n',
        "src/lib.rs": "use serde::Serialize;\n",
    }
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        resolve(files, nowhere(tmp_path), Language.RUST)


RUST_TABLES = [
    '[dependencies]\nserde = "1"\n',
    '[dev-dependencies]\nserde = { version = "1", features = ["derive"] }\n',
    '[dev_dependencies]\nserde = "1"\n',
    '[dependencies.serde]\nversion = "1"\noptional = true\n',
    "[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n",
    "[target.'cfg(windows)'.dev-dependencies]\nserde = \"1\"\n",
    '[target.x86_64-unknown-linux-gnu.build-dependencies]\nserde = "1"\n',
    '[dependencies]\nserde = { package = "serde_core", version = "1" }\n',
    '[workspace]\nmembers = []\n[workspace.dependencies]\nserde = "1"\n[dependencies]\nserde = { workspace = true }\n',
    '[workspace]\nmembers = []\n[workspace.dependencies]\nserde = "1"\n[dependencies]\nserde.workspace = true\n',
]


class Fetched(SubprocessCommands):
    """A cargo that finds every crate."""

    def run(self, command):  # type: ignore[no-untyped-def]
        (command.workspace / "Cargo.lock").write_text("version = 3\n", encoding="utf-8")
        return CommandResult(0, "", timed_out=False, seconds=0.1)


def rust_online(tmp_path: Path, registries: PackageRegistries) -> Online:
    registries.status = 200
    return replace(at(registries, tmp_path), commands=Fetched())


@pytest.mark.parametrize("table", RUST_TABLES)
def test_a_crate_is_declared_by_every_table_that_cargo_reads(
    table: str, registries: PackageRegistries, tmp_path: Path
) -> None:
    head = '[package]\nname = "word-count"\nversion = "0.1.0"\n'
    files = {"Cargo.toml": f"{head}{table}", "src/lib.rs": "use serde::Serialize;\n"}
    verdict = resolve(files, rust_online(tmp_path, registries), Language.RUST).verdict
    assert verdict.passed, verdict.saw
    without = files | {"Cargo.toml": head}
    saw = resolve(without, rust_online(tmp_path, registries), Language.RUST).verdict.saw
    assert "src/lib.rs:1 uses serde" in saw


def test_a_members_crates_are_declared_in_its_own_cargo_toml_and_are_the_repos_own(
    registries: PackageRegistries, tmp_path: Path
) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "word-count"\n[workspace]\nmembers = ["core"]\n'
        '[dependencies]\nword-core = { path = "core" }\n[workspace.dependencies]\nserde = "1"\n',
        "src/main.rs": "use word_core::count;\n",
        "core/Cargo.toml": '[package]\nname = "word-core"\n[dependencies]\nserde = { workspace = true }\n',
        "core/src/lib.rs": "use serde::Serialize;\n",
    }
    verdict = resolve(files, rust_online(tmp_path, registries), Language.RUST).verdict
    assert verdict.passed, verdict.saw
    by_git = files["Cargo.toml"].replace('serde = "1"', 'serde = { git = "https://example.org/serde" }')
    refused = resolve(
        files | {"Cargo.toml": by_git}, rust_online(tmp_path, registries), Language.RUST
    ).verdict
    assert "declares serde by git" in refused.saw


@pytest.mark.parametrize(
    ("language", "files", "lock", "harmless"),
    [
        (Language.PYTHON, python("import json\n"), ("requirements.lock", "evil==1.0\n"), "# nothing\n"),
        (
            Language.GO,
            {"go.mod": "module x.org/y\n", "main.go": "package main\n"},
            ("go.sum", "e v1 h1:x\n"),
            "",
        ),
        (
            Language.RUST,
            {"Cargo.toml": '[package]\nname = "a"\n', "src/lib.rs": ""},
            ("Cargo.lock", '[[package]]\nname = "evil"\nsource = "registry+https://example.org"\n'),
            'version = 4\n\n[[package]]\nname = "a"\nversion = "0.1.0"\n',
        ),
        (
            Language.TYPESCRIPT,
            {"package.json": "{}", "src/index.ts": ""},
            ("package-lock.json", '{"packages": {"node_modules/evil": {"version": "1"}}}'),
            '{"lockfileVersion": 3, "packages": {"": {}}}',
        ),
    ],
)
def test_a_lock_file_of_the_agents_names_nothing_that_is_not_declared(
    language: Language, files: dict[str, str], lock: tuple[str, str], harmless: str, tmp_path: Path
) -> None:
    path, text = lock
    verdict = resolve(files | {path: text}, nowhere(tmp_path), language).verdict
    assert not verdict.passed
    assert f"{path} names packages that nothing here declares or imports" in verdict.saw
    assert resolve(files | {path: harmless}, nowhere(tmp_path), language).verdict.passed


def test_a_bash_repo_names_the_programs_that_are_not_everywhere(tmp_path: Path) -> None:
    script = (
        '#!/usr/bin/env bash\nhelper() { sort -u; }\nhelper <"$1" | python3 -c "print(1)"\n'
        "no-such-program-here x\n"
    )
    verdict = resolve({"bin/word-count": script}, nowhere(tmp_path), Language.BASH).verdict
    assert verdict.passed
    assert verdict.saw.splitlines()[1:] == ["uses python3", "not on this machine: no-such-program-here"]
