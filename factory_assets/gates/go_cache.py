"""Go's compiled standard library: made once for each release of Go, and copied into the clones that gates run in.

It is compiled with a clock that can be set ahead. Go asks the kernel for the time without the C library, so nothing
outside of the program can do that: an overlay (`go help build`) replaces one file of the package time, in every build.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.languages.clocks import GO_OVERLAY, GO_SECONDS_AHEAD
from factory_assets.locks import path_lock

_PRIVATE = frozenset({"cmd", "internal", "vendor"})
# They are for special builds, or for nobody to import.
_NOT_IMPORTED = frozenset(
    {"plugin", "runtime/asan", "runtime/cgo", "runtime/msan", "runtime/race", "unsafe", "testing"}
)
_MAKE_SECONDS = 600.0
# Go takes no folder with such a name for a package of the workspace.
_CACHE = ".cache"
_READS_CLOCK = "sec, nsec, mono := runtimeNow()\n\tif mono == 0 {"
_SET_AHEAD = "sec, nsec, mono := runtimeNow()\n\tsec += ahead\n\tif mono == 0 {"
_AHEAD_SOURCE = f"""package time

import "syscall"

var ahead = readAhead()

func readAhead() int64 {{
	text, _ := syscall.Getenv("{GO_SECONDS_AHEAD}")
	seconds, _ := atoi(text)
	return int64(seconds)
}}
"""


@dataclass(frozen=True, kw_only=True)
class GoCache:
    """Fills a clone's GOCACHE with the standard library, which takes Go most of a minute to compile anew.

    `folder` is kept; only Go's own sources are ever compiled into it. `scratch` is a folder to work in.
    """

    commands: CommandRunner
    folder: Path
    scratch: Path

    def copy_to(self, target: Path) -> None:
        """Copy it to `target`, made first where this release of Go is new; leave it out where that does not work.

        What does not work here (no Go, no room in time) is for the gate that needs it to say.
        """
        version = self._run(fresh_folder(self.scratch), "go", "version")
        if version.exit_code != 0:
            return
        name = hashlib.sha256(f"{version.output}{_SET_AHEAD}{_AHEAD_SOURCE}".encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        with path_lock(self.folder / "lock"):
            made = self.folder / name
            if made.is_dir() or self._make(made):
                shutil.copytree(made, target)
                _move_overlay(target)

    def _make(self, made: Path) -> bool:
        workspace = fresh_folder(self.scratch)
        self._lay_overlay(workspace, workspace / _CACHE)
        listed = self._run(workspace, "go", "list", "std")
        packages = [package for package in listed.output.split() if _is_public(package)]
        imports = "".join(f'\t_ "{package}"\n' for package in packages)
        (workspace / "go.mod").write_text("module library\n")
        (workspace / "library_test.go").write_text(
            f'package library\n\nimport (\n{imports}\t"testing"\n)\n\nfunc TestNothing(t *testing.T) {{}}\n'
        )
        for verb in ("test", "vet"):
            if self._run(workspace, "go", verb, "./...").exit_code != 0:
                return False
        for old in self.folder.iterdir():
            if old.is_dir():
                remove_folder(old)
        half = self.folder / f"{made.name}.half"
        shutil.copytree(workspace / _CACHE, half)
        half.rename(made)
        return True

    def _lay_overlay(self, workspace: Path, cache: Path) -> None:
        """Write the overlay beside what is compiled; none where this release of Go reads the clock in another way."""
        root = self._run(workspace, "go", "env", "GOROOT").output.strip()
        clock = Path(root, "src", "time", "time.go")
        source = clock.read_text(encoding="utf-8") if clock.is_file() else ""
        if source.count(_READS_CLOCK) != 1:
            return
        cache.mkdir()
        (cache / "time.go").write_text(source.replace(_READS_CLOCK, _SET_AHEAD), encoding="utf-8")
        (cache / "ahead.go").write_text(_AHEAD_SOURCE, encoding="utf-8")
        replaced = {
            str(clock): str(cache / "time.go"),
            str(clock.with_name("ahead.go")): str(cache / "ahead.go"),
        }
        (cache / GO_OVERLAY).write_text(json.dumps({"Replace": replaced}), encoding="utf-8")

    def _run(self, workspace: Path, *argv: str) -> CommandResult:
        env = {
            **go_cache_variables(workspace / _CACHE),
            "GOTOOLCHAIN": "local",
            "GOPROXY": "off",
            "GOWORK": "off",
            "GOENV": "off",
        }
        return self.commands.run(
            Command(argv=argv, workspace=workspace, timeout_seconds=_MAKE_SECONDS, env=env)
        )


def go_cache_folder() -> Path:
    """Where this user's compiled library is, for all instances."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "software-factory" / "go-standard-library"


def _move_overlay(cache: Path) -> None:
    """Let the overlay of a copied cache lead to the copy."""
    overlay = cache / GO_OVERLAY
    if overlay.is_file():
        replaced: dict[str, str] = json.loads(overlay.read_text(encoding="utf-8"))["Replace"]
        moved = {original: str(cache / Path(file).name) for original, file in replaced.items()}
        overlay.write_text(json.dumps({"Replace": moved}), encoding="utf-8")


def go_cache_variables(cache: Path) -> dict[str, str]:
    """What tells Go of a cache that was made here."""
    overlay = cache / GO_OVERLAY
    flags = {"GOFLAGS": f"-overlay={overlay}"} if overlay.is_file() else {}
    return {"GOCACHE": str(cache), **flags}


def _is_public(package: str) -> bool:
    return package not in _NOT_IMPORTED and not _PRIVATE.intersection(package.split("/"))
