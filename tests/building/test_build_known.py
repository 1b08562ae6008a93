"""What is found out of a repo's code in an attempt holds as long as nothing but documents changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_material import Factory, ScriptedAgent, good_acts, make_spec, writes

from factory_assets.building import judge
from factory_assets.building.report import BuildReport
from factory_assets.dependencies.resolution import Resolution, passed
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.gates.names import TESTS_RUN

_SAME = "as seen after build: the code is the same"


def _tests_run(report: BuildReport) -> str:
    return next(verdict.saw for verdict in report.verdicts if verdict.gate == TESTS_RUN)


@pytest.fixture
def bash_factory(tmp_path: Path) -> Factory:
    return Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(good_acts(Language.BASH)))


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[Resolution]:
    """Every resolution of dependencies that is made."""
    made: list[Resolution] = []
    really = judge.resolve_dependencies

    def resolve(*args: object) -> Resolution:
        made.append(really(*args))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(judge, "resolve_dependencies", resolve)
    return made


def test_a_review_that_leaves_the_code_alone_has_it_proved_already(
    bash_factory: Factory, resolved: list[Resolution]
) -> None:
    bash_factory.agent.acts[Phase.REVIEW] = writes(
        {"CLAUDE.md": "# Working on it\n\nRun `make test` often. " + "Keep it fast. " * 40}
    )
    report = bash_factory.build()
    assert _tests_run(report).endswith(f"notice a failing test in tests/test_count.sh, {_SAME}")
    assert len(resolved) == 1


def test_a_review_that_changes_the_code_has_it_proved_again(
    bash_factory: Factory, resolved: list[Resolution]
) -> None:
    def comment(workspace: Path) -> None:
        source = workspace / "lib" / "count.sh"
        source.write_text(source.read_text() + "# Words are what stands between white space.\n")

    bash_factory.agent.acts[Phase.REVIEW] = comment
    report = bash_factory.build()
    assert _SAME not in _tests_run(report)
    assert len(resolved) == 2


def test_what_was_fetched_is_whole_in_each_clone_whatever_a_run_does_to_its_copy(tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    (fetched / "module.js").write_text("export {};\n")
    resolution = Resolution(verdict=passed("fetched"), folders={"node_modules": fetched})
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        resolution.provide(tmp_path / name)
        copy = tmp_path / name / "node_modules" / "module.js"
        assert copy.read_text() == "export {};\n"
        copy.write_text("process.exit(0);\n")
