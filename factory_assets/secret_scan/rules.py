"""The rule-based scanner: kingfisher, over a folder of files that only the factory named."""

from __future__ import annotations

import importlib.util
import os
import secrets
import string
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ValidationError

from factory_assets.domain.errors import InfrastructureError
from factory_assets.scratch import scratch_folder

SCAN_SECONDS = 180.0

# Kingfisher's exit codes: nothing found, something found, something found and valid.
_WENT_WELL = frozenset({0, 200, 205})
_OPTIONS = (
    "--no-validate",
    "--no-update-check",
    # Comments that ask the scanner to look away, which an agent could write.
    "--no-ignore",
    "--no-dedup",
    *("--max-file-size", "0"),
    *("--format", "json"),
    "--quiet",
)
_PROBE = "probe"
_FIX = "Install the dependencies again (make clean setup); `factory doctor` tries the scanner."


@dataclass(frozen=True)
class RuleFind:
    """What the rules found in one of the files. `value` is what the rule matched: never show it."""

    file: str
    line: int
    rule: str
    value: str


class RuleScanner(Protocol):
    """Whatever knows how secrets of other services look."""

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        """Every find in the files, which have made-up names.

        Raises:
            InfrastructureError: it did not work; nothing is known then.
        """
        ...


class _Rule(BaseModel):
    id: str


class _Finding(BaseModel):
    path: str
    line: int
    snippet: str


class _Record(BaseModel):
    rule: _Rule
    finding: _Finding


class _Report(BaseModel):
    findings: list[_Record]


class Kingfisher:
    """Kingfisher with its own rules: no network, no configuration, no ignore file or comment has a say.

    Args:
        program: the program; the one in the wheel of kingfisher-bin by default.
        cache: where it keeps its compiled rules, which take it 10 s; its own place, gone at the end, by default.
        seconds: how long one scan may take.
    """

    def __init__(
        self, program: Path | None = None, *, cache: Path | None = None, seconds: float = SCAN_SECONDS
    ) -> None:
        self._program = program or bundled_kingfisher()
        self._cache = cache
        self._seconds = seconds

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        """Scan the files, and a made-up key that must be found, or else the scanner does not work."""
        with scratch_folder() as folder:
            (folder / "files").mkdir()
            for file, data in files.items():
                (folder / "files" / file).write_bytes(data)
            (folder / "files" / _PROBE).write_text(f"token = {made_up_key()}\n", encoding="utf-8")
            report = self._run(folder)
        finds = [
            RuleFind(
                file=Path(record.finding.path).name,
                line=record.finding.line,
                rule=record.rule.id,
                value=record.finding.snippet,
            )
            for record in report.findings
        ]
        if not any(find.file == _PROBE for find in finds):
            raise InfrastructureError(
                "The secret scanner did not find the made-up key that it was given.",
                where=str(self._program),
                fix=_FIX,
            )
        return [find for find in finds if find.file != _PROBE]

    def _run(self, folder: Path) -> _Report:
        if self._program is None:
            raise InfrastructureError("The secret scanner kingfisher is not installed.", fix=_FIX)
        cache = self._cache or folder / "cache"
        (folder / "tmp").mkdir()
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "LC_ALL": "C",
        }
        try:
            done = subprocess.run(
                [str(self._program), "scan", "files", *_OPTIONS, "--rule-cache-dir", str(cache)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._seconds,
                check=False,
            )
        except OSError as error:
            raise InfrastructureError(
                f"The secret scanner does not start: {error.strerror}.", where=str(self._program), fix=_FIX
            ) from None
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"The secret scanner was stopped after {self._seconds:.0f} s.", where=str(self._program)
            ) from None
        if done.returncode not in _WENT_WELL:
            raise InfrastructureError(
                f"The secret scanner ended with {done.returncode}:"
                f" {done.stderr.decode(errors='replace').strip()[-500:]}",
                where=str(self._program),
                fix=_FIX,
            )
        try:
            return _Report.model_validate_json(done.stdout)
        except ValidationError as error:
            # What it printed is not shown: it may hold what was found.
            raise InfrastructureError(
                f"The secret scanner's report cannot be read: {error.errors(include_input=False)[0]['msg']}.",
                where=str(self._program),
                fix=_FIX,
            ) from None


def bundled_kingfisher() -> Path | None:
    """The program in kingfisher-bin's wheel, found without importing the package."""
    spec = importlib.util.find_spec("kingfisher")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "kingfisher"
    return program if program.is_file() else None


def rule_cache() -> Path:
    """Where this user's compiled rules are, for all instances."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "software-factory" / "kingfisher"


def made_up_key() -> str:
    """A token of GitHub's form that was never anybody's."""
    letters = string.ascii_letters + string.digits
    return "ghp_" + "".join(secrets.choice(letters) for _ in range(36))
