"""What is not an agent's business is told apart from what is."""

from __future__ import annotations

import json

import pytest
from build_material import BASH_FILES, DOCUMENTS, tree_of

from factory_assets.building.put_back import laid_again, not_its_business
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language

REPO = {**BASH_FILES, **DOCUMENTS, "SPEC.md": "# Spec\n", "LICENSE": "MIT\n"}


@pytest.mark.parametrize(
    ("change", "is_its_own"),
    [
        ({"README.md": "other"}, True),
        ({"docs/guide.md": "new"}, True),
        ({"guide.md": "new"}, False),
        ({"lib/count.sh": "other"}, False),
        ({"lib/new.sh": "new"}, False),
        ({"tests/data.md": "new"}, False),
        ({"SPEC.md": "other"}, False),
    ],
)
def test_the_agent_of_the_documents_may_only_write_documents(
    change: dict[str, str], is_its_own: bool
) -> None:
    touched = not_its_business(Phase.SEO, Language.BASH, tree_of(REPO), tree_of(REPO | change))
    assert touched == ([] if is_its_own else list(change))


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.REVIEW])
def test_the_other_agents_may_change_all_but_what_is_the_factorys(phase: Phase) -> None:
    own = {"lib/count.sh": "other", "lib/Makefile": "its data"}
    factorys = {
        "GNUmakefile": "",
        "LICENSE": "other",
        "Makefile": "other",
        "SPEC.md": "other",
        "makefile": "",
    }
    after = tree_of(REPO | own | factorys)
    assert not_its_business(phase, Language.BASH, tree_of(REPO), after) == list(factorys)


@pytest.mark.parametrize(
    ("language", "path"),
    [
        (Language.GO, "go.work"),
        (Language.RUST, ".cargo/config.toml"),
        (Language.RUST, "crates/a/.cargo/config"),
        (Language.RUST, "rust-toolchain.toml"),
        (Language.TYPESCRIPT, "node_modules/typescript/bin/tsc"),
    ],
)
def test_what_takes_the_place_of_a_languages_tools_is_taken_out(language: Language, path: str) -> None:
    assert not_its_business(Phase.BUILD, language, tree_of(REPO), tree_of(REPO | {path: "x"})) == [path]
    assert not_its_business(Phase.BUILD, Language.PYTHON, tree_of(REPO), tree_of(REPO | {path: "x"})) == []


@pytest.mark.parametrize(
    ("language", "path"),
    [
        (Language.PYTHON, "pyproject.toml"),
        (Language.PYTHON, "pytest.ini"),
        (Language.PYTHON, "tests/pytest.ini"),
        (Language.PYTHON, "requirements-dev.txt"),
        (Language.PYTHON, "uv.lock"),
        (Language.TYPESCRIPT, "package.json"),
        (Language.TYPESCRIPT, "tsconfig.json"),
        (Language.TYPESCRIPT, "npm-shrinkwrap.json"),
        (Language.GO, "go.mod"),
        (Language.RUST, "build.rs"),
        (Language.BASH, ".shellcheckrc"),
        (Language.BASH, "own.mk"),
    ],
)
def test_the_review_may_change_no_configuration(language: Language, path: str) -> None:
    before, after = tree_of(REPO), tree_of(REPO | {path: "x"})
    assert not_its_business(Phase.REVIEW, language, before, after) == [path]
    assert not_its_business(Phase.BUILD, language, before, after) == []


DECLARED = [
    (
        Language.PYTHON,
        "pyproject.toml",
        '[project]\nname = "a"\n',
        '[project]\nname = "a"\ndependencies = ["rich>=13"]\n[project.optional-dependencies]\ntest = ["hypothesis"]\n',
    ),
    (
        Language.PYTHON,
        "pyproject.toml",
        '[project]\nname = "a"\n',
        '[project]\nname = "a"\n[dependency-groups]\ndev = ["x"]\n',
    ),
    (
        Language.TYPESCRIPT,
        "package.json",
        '{"name": "a"}',
        '{"name": "a", "dependencies": {"left-pad": "1"}, "devDependencies": {}}',
    ),
    (
        Language.RUST,
        "Cargo.toml",
        '[package]\nname = "a"\n[dependencies]\nx = "1"\n',
        '[package]\nname = "a"\n[dev-dependencies]\ny = "1"\n[target."cfg(unix)".dependencies]\nlibc = "0.2"\n',
    ),
    (
        Language.GO,
        "go.mod",
        "module a\n\ngo 1.22\n",
        "module a\n\ngo 1.22\n\nrequire (\n\tx.org/y v1.0.0\n)\nrequire z.org/w v1.2.3\n",
    ),
]
MORE = {
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-k none"\n',
    "package.json": '{"name": "a", "dependencies": {"left-pad": "1"}, "scripts": {"test": "true"}}',
    "Cargo.toml": '[package]\nname = "a"\n[dependencies]\nx = "2"\n[lib]\ntest = false\n',
    "go.mod": "module a\n\ngo 1.22\n\nrequire x.org/y v1.0.0\n\nreplace x.org/y => ./fake\n",
}


@pytest.mark.parametrize(("language", "path", "old", "new"), DECLARED)
def test_the_review_may_declare_dependencies_and_change_nothing_else_in_these_files(
    language: Language, path: str, old: str, new: str
) -> None:
    more = new + MORE[path] if path == "pyproject.toml" else MORE[path]
    for text, touched in ((new, []), (more, [path]), ("{[broken", [path])):
        found = not_its_business(Phase.REVIEW, language, tree_of({path: old}), tree_of({path: text}))
        assert found == touched


def test_configuration_among_the_tests_data_is_the_reviews_to_change() -> None:
    data = {"tests/fixtures/package.json": "{}", "tests/data/go.mod": "module a\n"}
    assert not_its_business(Phase.REVIEW, Language.GO, tree_of(REPO), tree_of(REPO | data)) == []


def test_the_scripts_that_the_factory_laid_in_package_json_are_laid_again() -> None:
    before = tree_of({"package.json": '{"name": "a", "scripts": {"test": "make test"}}'})
    lying = tree_of(
        {"package.json": '{"name": "a", "bin": "x.js", "scripts": {"test": "echo ok", "bench": "x"}}'}
    )
    package = json.loads(laid_again(Phase.REVIEW, before, lying)["package.json"])
    assert package == {"name": "a", "bin": "x.js", "scripts": {"test": "make test", "bench": "x"}}
    kept = tree_of({"package.json": '{"scripts": {"bench": "x", "test": "make test"}}'})
    assert laid_again(Phase.BUILD, before, kept) == laid_again(Phase.BUILD, before, {}) == {}
    assert laid_again(Phase.BUILD, {}, lying) == {}
    assert laid_again(Phase.BUILD, before, tree_of({"package.json": "[broken"})) == {}


def test_a_removed_file_and_a_changed_mode_are_changes() -> None:
    before = tree_of(REPO)
    without = {path: file for path, file in before.items() if path != "LICENSE"}
    assert not_its_business(Phase.BUILD, Language.BASH, before, without) == ["LICENSE"]
    executable = dict(before) | tree_of({"lib/count.sh": REPO["lib/count.sh"]}, mode="100755")
    assert not_its_business(Phase.SEO, Language.BASH, before, executable) == ["lib/count.sh"]


def test_further_targets_that_an_agent_wrote_into_the_makefile_are_kept_in_own_mk() -> None:
    before = tree_of({"Makefile": "test:\n\tmake-sure\n"})
    written = "test:\n\ttrue\n\nclean:\n\trm -rf out\n"
    after = tree_of({"Makefile": written})
    assert laid_again(Phase.BUILD, before, after) == {"own.mk": written.encode()}
    assert laid_again(Phase.REVIEW, before, after) == {}
    assert laid_again(Phase.BUILD, before, before) == {}
    assert laid_again(Phase.BUILD, before, tree_of({"Makefile": written, "own.mk": "clean:\n"})) == {}
