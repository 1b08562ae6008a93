"""Go's compiled standard library, kept and copied: only what Go itself brings is ever in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.gates.go_cache import GoCache
from factory_assets.languages.clocks import GO_OVERLAY


class ScriptedGo:
    """Answers as go would, and compiles by writing one file into GOCACHE."""

    def __init__(self, *, version: str = "go1.27", root: str = "", refuses: str | None = None) -> None:
        self.version, self.root, self.refuses = version, root, refuses
        self.asked: list[tuple[str, ...]] = []
        self.imports = ""

    @property
    def protections(self) -> tuple[str, ...]:
        return ()

    def run(self, command: Command) -> CommandResult:
        self.asked.append(command.argv)
        if command.argv[1] == self.refuses:
            return CommandResult(exit_code=1, output="no", timed_out=False, seconds=0.0)
        if command.argv == ("go", "test", "./..."):
            self.imports = (command.workspace / "library_test.go").read_text()
            cache = Path(command.env["GOCACHE"])
            cache.mkdir(parents=True, exist_ok=True)
            (cache / "fmt.a").write_text(self.version)
        outputs = {"version": self.version, "list": "fmt\ninternal/abi\nnet/http/internal\ntesting\nunsafe"}
        outputs["env"] = self.root
        output = outputs.get(command.argv[1], "")
        return CommandResult(exit_code=0, output=output, timed_out=False, seconds=0.0)

    @property
    def compiled(self) -> int:
        return sum(argv[1] == "test" for argv in self.asked)


def cache(go: ScriptedGo, root: Path) -> GoCache:
    return GoCache(commands=go, folder=root / "kept", scratch=root / "scratch")


def test_the_library_is_compiled_once_and_copied_each_time(tmp_path: Path) -> None:
    go = ScriptedGo()
    for clone in ("one", "two"):
        cache(go, tmp_path).copy_to(tmp_path / clone / "cache")
        assert (tmp_path / clone / "cache" / "fmt.a").read_text() == "go1.27"
    assert go.compiled == 1


def test_a_clones_overlay_leads_to_its_own_copy_of_the_clock(tmp_path: Path) -> None:
    clock = tmp_path / "go" / "src" / "time" / "time.go"
    clock.parent.mkdir(parents=True)
    clock.write_text("func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t}\n}\n")
    go = ScriptedGo(root=str(tmp_path / "go"))
    cache(go, tmp_path).copy_to(tmp_path / "clone")
    overlay = json.loads((tmp_path / "clone" / GO_OVERLAY).read_text())["Replace"]
    assert "sec += ahead" in Path(overlay[str(clock)]).read_text()
    assert all(Path(file).parent == tmp_path / "clone" for file in overlay.values())


def test_a_go_that_reads_the_clock_in_another_way_has_no_overlay(tmp_path: Path) -> None:
    cache(ScriptedGo(), tmp_path).copy_to(tmp_path / "clone")
    assert not (tmp_path / "clone" / GO_OVERLAY).exists()


def test_what_a_clone_does_to_its_copy_reaches_no_other_clone(tmp_path: Path) -> None:
    go = ScriptedGo()
    cache(go, tmp_path).copy_to(tmp_path / "one")
    (tmp_path / "one" / "fmt.a").write_text("poisoned")
    cache(go, tmp_path).copy_to(tmp_path / "two")
    assert (tmp_path / "two" / "fmt.a").read_text() == "go1.27"


def test_another_release_of_go_is_compiled_anew_and_the_old_one_goes(tmp_path: Path) -> None:
    cache(ScriptedGo(), tmp_path).copy_to(tmp_path / "one")
    cache(ScriptedGo(version="go1.28"), tmp_path).copy_to(tmp_path / "two")
    assert (tmp_path / "two" / "fmt.a").read_text() == "go1.28"
    assert len([path for path in (tmp_path / "kept").iterdir() if path.is_dir()]) == 1


def test_what_nobody_may_import_is_left_out(tmp_path: Path) -> None:
    go = ScriptedGo()
    cache(go, tmp_path).copy_to(tmp_path / "one")
    assert '_ "fmt"' in go.imports
    assert "internal" not in go.imports
    assert "unsafe" not in go.imports


@pytest.mark.parametrize("verb", ["version", "test", "vet"])
def test_a_go_that_does_not_work_leaves_nothing_half_made(tmp_path: Path, verb: str) -> None:
    cache(ScriptedGo(refuses=verb), tmp_path).copy_to(tmp_path / "one")
    assert not (tmp_path / "one").exists()
    cache(ScriptedGo(), tmp_path).copy_to(tmp_path / "two")
    assert (tmp_path / "two" / "fmt.a").exists()


def test_a_copy_that_a_dead_process_left_half_made_is_made_anew(tmp_path: Path) -> None:
    go = ScriptedGo()
    cache(go, tmp_path).copy_to(tmp_path / "one")
    (made,) = (path for path in (tmp_path / "kept").iterdir() if path.is_dir())
    shutil.move(made, made.with_name(f"{made.name}.half"))
    cache(go, tmp_path).copy_to(tmp_path / "two")
    assert go.compiled == 2
    assert (tmp_path / "two" / "fmt.a").exists()
