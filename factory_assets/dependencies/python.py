"""Python's dependencies: imports against pyproject.toml, resolved by pip from wheels alone, locked with hashes."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, Field, ValidationError

from factory_assets.dependencies.imports import outside_imports
from factory_assets.dependencies.indexes import (
    absent_from_pypi,
    file_hashes,
    file_hosts,
    host_of,
    normal_name,
)
from factory_assets.dependencies.names import guess_distribution
from factory_assets.dependencies.online import Online, check_reached, said
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed
from factory_assets.domain.agents import CommandResult
from factory_assets.domain.errors import MissingToolError
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import Import

LOCK = "requirements.lock"
PROJECT = "pyproject.toml"

_PACKAGES = ".packages"
_HEADER = "# Locked from pyproject.toml. To install: pip install --require-hashes -r requirements.lock\n"
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
# The gate runs the tests with its own.
_GIVEN = frozenset({"pytest"})
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(.*)", re.DOTALL)
_OUT_OF_REACH = re.compile(
    r"Retrying \(Retry\(|Max retries exceeded|NewConnectionError|ConnectionError|ReadTimeoutError|ProtocolError"
    r"|HTTP error (?:429|5\d\d)|Could not fetch URL .*: (?:429|5\d\d) |SSLError"
)


@dataclass(frozen=True)
class _Requirement:
    name: str
    text: str

    @property
    def names_a_place(self) -> bool:
        return "@" in self.text.partition(";")[0] or "://" in self.text


@dataclass(frozen=True)
class _Declared:
    """What pyproject.toml declares: for users, and beside it for optional features, tests and development."""

    main: tuple[_Requirement, ...]
    beside: tuple[_Requirement, ...]

    @property
    def all(self) -> tuple[_Requirement, ...]:
        return (*self.main, *self.beside)


def resolve_python(tree: Tree, online: Online) -> Resolution:
    """Hold imports and declarations against each other and the registry, then lock and fetch.

    Raises:
        DependencyFaultError: naming what is unknown, missing or invented.
        InfrastructureError: when the registry cannot be reached.
        MissingToolError: when there is no pip.
    """
    imports = outside_imports(Language.PYTHON, tree)
    needed = [found for found in imports if not found.optional]
    declared = _declared(tree)
    wanted = _wanted(declared, needed)
    if not needed and not declared.all:
        return Resolution(verdict=passed("standard library only"))
    url = online.indexes.pypi_url
    faults = _declaration_faults(declared, absent_from_pypi(url, {r.name for r in declared.all}))
    if faults or not wanted:
        faults += _undeclared(needed, {}, declared, url)
        if faults:
            raise DependencyFaultError(faults)
        return Resolution(verdict=passed("standard library only, beside what is declared for development"))
    online.folder()
    locked = _lock(wanted, online)
    _install(locked, online)
    faults = _undeclared(needed, _modules(online.scratch / _PACKAGES), declared, url)
    if faults:
        raise DependencyFaultError(faults)
    names = [line.split(" ")[0] for line in locked.splitlines() if "==" in line]
    return Resolution(
        verdict=passed(f"{len(names)} packages locked in {LOCK}, from wheels", names),
        files={LOCK: locked.encode()},
        folders={_PACKAGES: online.scratch / _PACKAGES},
        paths={"PYTHONPATH": _PACKAGES},
        env=_plugins(online.scratch / _PACKAGES, declared.all),
    )


def install_python(tree: Tree, online: Online) -> Resolution:
    """Fetch exactly what a shipped repo's lock file names.

    Raises:
        DependencyFaultError: when pip refuses the lock file; the others as in `resolve_python`.
    """
    if LOCK not in tree:
        return Resolution(verdict=passed("nothing is locked"))
    online.folder()
    _install(tree[LOCK].text, online)
    return Resolution(
        verdict=passed(f"installed from {LOCK}"),
        folders={_PACKAGES: online.scratch / _PACKAGES},
        paths={"PYTHONPATH": _PACKAGES},
        env=_plugins(online.scratch / _PACKAGES, _declared(tree).all),
    )


def _declared(tree: Tree) -> _Declared:
    if PROJECT not in tree:
        return _Declared((), ())
    try:
        project = _Project.model_validate(tomllib.loads(tree[PROJECT].text))
    except tomllib.TOMLDecodeError as error:
        raise DependencyFaultError([f"{PROJECT} is no TOML: {error}"]) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DependencyFaultError([f"{PROJECT}, {place}: {first['msg']}"]) from error
    beside = [*project.project.optional.values(), *project.groups.values()]
    return _Declared(
        main=tuple(_requirements(project.project.dependencies)),
        beside=tuple(_requirements(text for group in beside for text in group if isinstance(text, str))),
    )


def _requirements(texts: Iterable[str]) -> Iterable[_Requirement]:
    for text in texts:
        match = _REQUIREMENT.fullmatch(text)
        if match is None:
            raise DependencyFaultError([f"{PROJECT}: {text!r} is no requirement"])
        if normal_name(match[1]) not in _GIVEN:
            yield _Requirement(match[1], text.strip())


def _wanted(declared: _Declared, needed: Iterable[Import]) -> tuple[_Requirement, ...]:
    """All that users need, and of the rest what tests import, and plugins of pytest, which none has to import."""
    tested = [found.name for found in needed if found.test]
    imported = {normal_name(name) for module in tested for name in (module, guess_distribution(module))}
    return (*declared.main, *(r for r in declared.beside if _serves_tests(normal_name(r.name), imported)))


def _serves_tests(name: str, imported: Collection[str]) -> bool:
    return name in imported or name.startswith("pytest-") or name.endswith("-pytest")


def _plugins(packages: Path, declared: Iterable[_Requirement]) -> dict[str, str]:
    """What tells pytest to load the plugins of what the repo declares; any other that came along stays unloaded."""
    names = {normal_name(requirement.name) for requirement in declared}
    found: set[str] = set()
    for distribution in distributions(path=[str(packages)]):
        if normal_name(distribution.name) in names:
            found |= {entry.module for entry in distribution.entry_points.select(group="pytest11")}
    return {"PYTEST_PLUGINS": ",".join(sorted(found))} if found else {}


def _declaration_faults(declared: _Declared, absent: frozenset[str]) -> list[str]:
    faults = [
        f"invented dependency: {PROJECT} declares {requirement.name}, and the registry has no such package"
        for requirement in declared.all
        if requirement.name in absent
    ]
    return faults + [
        f"{PROJECT} declares {requirement.text}: a dependency comes from the registry, by name and version"
        for requirement in declared.all
        if requirement.names_a_place
    ]


def _undeclared(
    needed: Iterable[Import], modules: Mapping[str, frozenset[str]], declared: _Declared, url: str
) -> list[str]:
    """Imports that nothing declared provides. `modules` are the distributions that provide each module."""
    users = {normal_name(requirement.name) for requirement in declared.main}
    testers = users | {normal_name(requirement.name) for requirement in declared.beside}
    # Where nothing was installed, the name alone says what a declared distribution provides.
    missing = [
        found
        for found in needed
        if not (modules.get(found.name) or {normal_name(guess_distribution(found.name))})
        & (testers if found.test else users)
    ]
    # A table entry names what exists; any other guess is asked for. Each name once.
    guesses = {
        found.name: min(modules.get(found.name, ()), default=guess_distribution(found.name))
        for found in missing
    }
    absent = absent_from_pypi(url, set(guesses.values()))
    return [
        f"unknown package: {found.where} imports {found.name}, which is neither in the repo nor in the registry"
        if guesses[found.name] in absent
        else f"missing dependency: {found.where} imports {found.name}: declare {guesses[found.name]} in"
        f" [project].dependencies of {PROJECT}"
        for found in missing
    ]


def _lock(wanted: Sequence[_Requirement], online: Online) -> str:
    """Resolve by pip, which builds nothing and installs nothing, and write the lock file."""
    asked = online.scratch / "requirements.in"
    asked.write_text("".join(f"{requirement.text}\n" for requirement in wanted), encoding="utf-8")
    names = [requirement.name for requirement in wanted]
    _pip(online, names, "--dry-run", "--ignore-installed", "--report", "report.json", "-r", asked.name)
    report = _Report.model_validate_json((online.scratch / "report.json").read_bytes())
    lines = []
    for item in sorted(report.install, key=lambda item: normal_name(item.metadata.name)):
        name, version = normal_name(item.metadata.name), item.metadata.version
        hashes = file_hashes(online.indexes.pypi_url, name, version) | item.download_info.archive_info.sha256
        lines.append(
            " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{sha}" for sha in sorted(hashes))])
        )
    return _HEADER + "".join(f"{line}\n" for line in lines)


def _install(locked: str, online: Online) -> None:
    (online.scratch / LOCK).write_text(locked, encoding="utf-8")
    names = _LOCKED.findall(locked)
    _pip(online, names, "--require-hashes", "--no-deps", "--no-compile", "--target", _PACKAGES, "-r", LOCK)


def _pip(online: Online, names: Sequence[str], *arguments: str) -> None:
    url = online.indexes.pypi_url
    hosts = (host_of(url), *file_hosts(url, names))
    bundle = online.certificates(url)
    result = online.run(
        *[
            "python3",
            "-m",
            "pip",
            "--isolated",
            "--disable-pip-version-check",
            "--no-input",
            "install",
            "-vv",
        ],
        *["--no-cache-dir", "--only-binary", ":all:", "--index-url", url],
        *(["--cert", str(bundle)] if bundle else []),
        *arguments,
        hosts=hosts,
    )
    if result.exit_code == 0:
        return
    if "No module named pip" in result.output:
        raise MissingToolError("pip is not installed.", mend="Install it into the factory's environment.")
    check_reached("pip", result, hosts=hosts, out_of_reach=_OUT_OF_REACH)
    raise DependencyFaultError([f"pip cannot resolve what {PROJECT} declares:", _complaint(result)])


def _complaint(result: CommandResult) -> str:
    """What pip said from its first error on; before it stands what it did."""
    start = result.output.find("ERROR:")
    return said(replace(result, output=result.output[max(start, 0) :]))


def _modules(packages: Path) -> dict[str, frozenset[str]]:
    """The distributions that provide each top-level module, by what was really installed."""
    found: dict[str, set[str]] = {}
    for info in packages.glob("*.dist-info"):
        distribution = normal_name(info.name.removesuffix(".dist-info").rpartition("-")[0])
        for row in csv.reader((info / "RECORD").read_text(encoding="utf-8").splitlines()):
            first = PurePosixPath(row[0]).parts[0]
            if not first.endswith((".dist-info", ".data", "..")):
                found.setdefault(first.partition(".")[0], set()).add(distribution)
    return {module: frozenset(distributions) for module, distributions in found.items()}


class _ProjectTable(BaseModel):
    dependencies: tuple[str, ...] = ()
    optional: dict[str, tuple[str, ...]] = Field({}, alias="optional-dependencies")


class _Project(BaseModel):
    """What of pyproject.toml declares dependencies; a group may include others by a table."""

    project: _ProjectTable = _ProjectTable()
    groups: dict[str, tuple[str | dict[str, str], ...]] = Field({}, alias="dependency-groups")


class _Archive(BaseModel):
    hashes: dict[str, str] = {}

    @property
    def sha256(self) -> frozenset[str]:
        return frozenset({self.hashes["sha256"]}) if "sha256" in self.hashes else frozenset()


class _Download(BaseModel):
    archive_info: _Archive


class _Metadata(BaseModel):
    name: str
    version: str


class _Item(BaseModel):
    download_info: _Download
    metadata: _Metadata


class _Report(BaseModel):
    """pip's installation report, as far as it is used: https://pip.pypa.io/en/stable/reference/installation-report/."""

    install: tuple[_Item, ...]
