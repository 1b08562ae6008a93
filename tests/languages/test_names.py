"""Names that no correct build could have: refused at the border, or given to the package in another form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from build_fakes import SubprocessCommands
from build_material import PAPER, make_spec
from toolchains import works

from factory_assets.building.prompts import render_prompt
from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain import reserved
from factory_assets.domain.agents import Command
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.languages.names import expected_files, names_of, refusal
from factory_assets.settings import PROJECT_ROOT

PROMPTS = PROJECT_ROOT / "prompts"
SEEN = ("bisect", "queue", "json", "types", "class", "async", "pytest", "build", "dist")
PYTHON_NAMES = (
    *SEEN, "site-packages", "email", "imp", "compression", "match", "test", "tests", "target", "vendor", "conftest",
    "setup", "pluggy", "sitecustomize", "makefile", "typing-extensions", "setuptools", "docs", "log-cutter",
)  # fmt: skip
GO_NAMES = ("json", "type", "main", "testdata", "string", "http", "range", "cmd", "bin", "std", "prompt-test",
            "log-linux", "replay")  # fmt: skip
RUST_NAMES = ("async", "core", "std", "alloc", "test", "proc-macro", "build", "deps", "examples", "incremental",
              "self", "crate", "super", "match", "target", "log-cutter")  # fmt: skip
TYPESCRIPT_NAMES = (
    "node-modules",
    "http",
    "path",
    "typescript",
    "dist",
    "tests",
    "class",
    "test",
    "log-cutter",
)
BASH_NAMES = ("test", "echo", "build", "type", "grep", "while", "timeout", "log-cutter")


def needs(*programs):
    missing = [program for program in programs if not works(program)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def scaffold(folder, language, name):
    spec = make_spec(language, name=name)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    written = write_scaffold(spec, (PAPER,), workspace=folder, year=2026, owner="Example Org")
    return names_of(name, language), written


def run(folder, *argv):
    result = SubprocessCommands().run(Command(argv, folder, timeout_seconds=120))
    assert result.exit_code == 0, result.output
    return result.output


def write(folder, path, text):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def ignored(folder):
    """What git leaves out of a commit of this folder."""
    return run(folder, "git", "status", "--porcelain", "--ignored=matching", "-uall").count("!!")


@pytest.mark.parametrize("name", PYTHON_NAMES)
def test_a_python_package_of_any_name_is_imported_and_tested_and_committed(tmp_path, name):
    names, _ = scaffold(tmp_path, Language.PYTHON, name)
    write(tmp_path, f"{names.module}/cli.py", "def answer():\n    return 42\n")
    case = f"from {names.module}.cli import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
    write(tmp_path, "tests/test_cli.py", case)
    assert ignored(tmp_path) == 0
    for program in ("build", "test"):
        run(tmp_path, "make", program, f"PYTHON={sys.executable} -B")


@needs("go")
@pytest.mark.parametrize("name", GO_NAMES)
def test_a_go_command_of_any_name_is_built_vetted_tested_and_committed(tmp_path, name):
    names, _ = scaffold(tmp_path, Language.GO, name)
    module = (tmp_path / "go.mod").read_text().split()[1]
    package, folder = names.module, names.package
    write(
        tmp_path,
        f"{folder}/{folder.replace('-', '_')}.go",
        f"package {package}\n\nfunc Answer() int {{ return 42 }}\n",
    )
    case = (
        f'package {package}\n\nimport "testing"\n\nfunc TestAnswer(t *testing.T) {{\n'
        "\tif Answer() != 42 {\n\t\tt.Fatal()\n\t}\n}\n"
    )
    write(tmp_path, f"{folder}/answer_test.go", case)
    command = f'package main\n\nimport "{module}/{folder}"\n\nfunc main() {{ println({package}.Answer()) }}\n'
    write(tmp_path, f"cmd/{folder}/main.go", command)
    assert ignored(tmp_path) == 0
    for target in ("build", "test"):
        run(tmp_path, "make", target)
    assert "42" in run(tmp_path, "go", "run", f"./cmd/{folder}")
    run(tmp_path, "go", "vet", "./...")


@needs("cargo")
@pytest.mark.parametrize("name", RUST_NAMES)
def test_a_rust_crate_of_any_name_is_checked_with_its_command_and_tests(tmp_path, name):
    names, _ = scaffold(tmp_path, Language.RUST, name)
    write(tmp_path, "src/lib.rs", "pub fn answer() -> u8 {\n    42\n}\n")
    write(tmp_path, "src/main.rs", f'fn main() {{\n    println!("{{}}", {names.module}::answer());\n}}\n')
    case = f"use {names.module}::answer;\n\n#[test]\nfn answers() {{\n    assert_eq!(answer(), 42);\n}}\n"
    write(tmp_path, "tests/answer.rs", case)
    assert ignored(tmp_path) == 0
    run(tmp_path, "cargo", "check", "--offline", "--quiet", "--all-targets")


@needs("node", "npm")
@pytest.mark.parametrize("name", TYPESCRIPT_NAMES)
def test_a_typescript_package_of_any_name_is_found_by_node_under_its_own_name(tmp_path, name):
    names, _ = scaffold(tmp_path, Language.TYPESCRIPT, name)
    manifest = json.loads((tmp_path / "package.json").read_text())
    assert manifest["name"] == names.package
    assert names.package not in manifest["devDependencies"]
    assert ignored(tmp_path) == 0
    run(tmp_path, "npm", "pack", "--dry-run", "--ignore-scripts", "--offline")
    # What others install is found under the package's name, and not one of node's own modules in its place.
    write(
        tmp_path,
        f"node_modules/{names.package}/package.json",
        json.dumps({"name": names.package, "main": "i.js"}),
    )
    write(tmp_path, f"node_modules/{names.package}/i.js", "module.exports = 42;\n")
    assert "42" in run(tmp_path, "node", "-p", f"require({names.package!r})")


@pytest.mark.parametrize("name", BASH_NAMES)
def test_a_bash_command_of_any_name_is_the_one_that_a_shell_finds(tmp_path, name):
    names, _ = scaffold(tmp_path, Language.BASH, name)
    write(tmp_path, f"bin/{names.package}", "#!/usr/bin/env bash\necho 42\n")
    (tmp_path / "bin" / names.package).chmod(0o755)
    assert ignored(tmp_path) == 0
    run(tmp_path, "make", "build")
    assert "42" in run(tmp_path, "bash", "-c", f'PATH="{tmp_path}/bin:$PATH"; {names.package}')
    # And it takes nothing away from scripts that have its folder on their PATH.
    shadowed = f'before=$(type -t {names.package}); PATH="{tmp_path}/bin:$PATH"; echo "[$before]"'
    assert "[]" in run(tmp_path, "bash", "-c", shadowed)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", ["log-cutter", "prefix-cache-linter", "tool-call-replay", "queue-drain"])
def test_a_name_that_is_free_is_the_packages_name_too(name, language):
    assert names_of(name, language).package == name
    assert refusal(name, language) is None


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_a_name_that_windows_keeps_for_a_device_is_refused(name, language):
    assert "Windows" in str(refusal(name, language))


@pytest.mark.parametrize("name", ["vendor", "internal"])
def test_a_name_that_no_go_module_can_have_is_refused_for_go_alone(name):
    assert "Go module" in str(refusal(name, Language.GO))
    assert refusal(name, Language.PYTHON) is None


@pytest.mark.parametrize("name", SEEN)
def test_the_prompt_and_the_spec_say_what_a_renamed_package_is_called(tmp_path, name):
    names, written = scaffold(tmp_path, Language.PYTHON, name)
    assert names.module == f"{name}_tool"
    assert f"{name}_tool/__init__.py" in written.files
    files = (f"{name}/cli.py", "tests/test_cli.py")
    spec = make_spec(Language.PYTHON, name=name).model_copy(update={"files": files})
    assert expected_files(spec) == (f"{name}_tool/cli.py", "tests/test_cli.py")
    prompt = render_prompt(Phase.BUILD, spec, workspace=tmp_path, turns=9, files=(), prompts_dir=PROMPTS)
    assert f"the package `{name}_tool/`" in prompt
    assert f"Expected files: {name}_tool/cli.py, tests/test_cli.py" in prompt
    assert f"`{name}` for no file" in prompt
    assert f"{name}-tool, as a package {name}_tool" in (tmp_path / "SPEC.md").read_text()


def test_a_prompt_for_a_free_name_says_nothing_of_another():
    spec = make_spec(Language.PYTHON)
    prompt = render_prompt(Phase.BUILD, spec, workspace=Path(), turns=9, files=(), prompts_dir=PROMPTS)
    assert "that name is taken" not in prompt
    assert "# The rules of python here\n\n- The code is in" in prompt


def test_the_lists_hold_what_the_tools_of_this_machine_name():
    assert sys.stdlib_module_names <= reserved.PYTHON
    builtins = subprocess.run(
        ["bash", "-c", "compgen -bk"], capture_output=True, text=True, check=True
    ).stdout
    # Names have three characters and more, and only letters, digits and hyphens.
    assert {word for word in builtins.split() if len(word) > 2 and word.isalnum()} <= reserved.COMMANDS


@needs("node")
def test_the_list_of_nodes_modules_holds_those_of_this_node(tmp_path):
    modules = run(tmp_path, "node", "-p", "require('module').builtinModules.join(' ')").split()
    names = {module for module in modules if not module.startswith("_") and "/" not in module}
    assert names <= reserved.NODE


@needs("go")
def test_the_list_of_gos_packages_holds_those_of_this_go(tmp_path):
    paths = [
        path
        for path in run(tmp_path, "go", "list", "std").split()
        if not {"vendor", "internal"} & set(path.split("/"))
    ]
    assert {path.rpartition("/")[2] for path in paths} - {"v2"} <= reserved.GO | reserved.LAYOUT
    assert {path.partition("/")[0] for path in paths} <= reserved.GO_STANDARD
