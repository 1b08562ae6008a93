"""Python's dependencies: imports against pyproject.toml, resolved by pip from wheels alone, locked with hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, Field

from factory_assets.dependencies.indexes import file_hashes, file_hosts, on_pypi
from factory_assets.dependencies.names import guess_distribution
from factory_assets.dependencies.online import Online, check_done
from factory_assets.dependencies.packages import Packages
from factory_assets.dependencies.reputation import Listing, is_widely_used
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed, read_project
from factory_assets.dependencies.sound import dated, invented_or_doubtful, is_mentioned
from factory_assets.domain.agents import Reach
from factory_assets.domain.code_imports import Import
from factory_assets.domain.errors import MissingToolError
from factory_assets.domain.indexes import place
from factory_assets.domain.trees import Tree

LOCK = "requirements.lock"
PROJECT = "pyproject.toml"

_PACKAGES = ".packages"
_HEADER = "# Locked from pyproject.toml. To install: pip install --require-hashes -r requirements.lock\n"
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
# The gate runs the tests with its own.
_GIVEN = frozenset({"pytest"})
_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})
# Data that the standard library reads by itself.
_READ_BY = {"tzdata": "zoneinfo"}
_OUT_OF_REACH = re.compile(
    r"Retrying \(Retry\(|Max retries exceeded|NewConnectionError|ConnectionError|ReadTimeoutError|ProtocolError"
    r"|HTTP error (?:429|5\d\d)|Could not fetch URL .*: (?:429|5\d\d) |SSLError"
)


@dataclass(frozen=True)
class _Declared:
    """What pyproject.toml declares: for users, and beside it for optional features, tests and development.

    `extras` are those of the latter that users can ask for. `building` is what runs when the package is built, but for
    what everybody builds with.
    """

    main: tuple[Requirement, ...] = ()
    beside: tuple[Requirement, ...] = ()
    extras: tuple[Requirement, ...] = ()
    building: tuple[Requirement, ...] = ()

    @property
    def all(self) -> tuple[Requirement, ...]:
        return (*self.main, *self.beside)


def resolve_python(tree: Tree, imports: Sequence[Import], online: Online) -> Resolution:
    """Hold imports and declarations against each other and the registry, then lock and fetch.

    Raises:
        DependencyFaultError: naming what is unknown, missing or invented.
        InfrastructureError: when the registry cannot be reached.
        MissingToolError: when there is no pip.
    """
    needed = [found for found in imports if not found.optional]
    declared = _declared(tree)
    wanted = _wanted(declared, needed)
    if not needed and not declared.all and not declared.building:
        return Resolution(verdict=passed("standard library only"))
    url = online.indexes.pypi_url
    listings = on_pypi(url, {requirement.name for requirement in (*declared.all, *declared.building)})
    faults = _declaration_faults(declared, listings)
    if faults or not wanted:
        faults += _undeclared(needed, {}, declared, url)
        if faults:
            raise DependencyFaultError(faults)
        return Resolution(verdict=passed("standard library only, beside what is declared for development"))
    online.folder()
    locked = _lock(wanted, online)
    packages = online.scratch / _PACKAGES
    _install(locked, online)
    faults = _undeclared(needed, _modules(packages), declared, url)
    faults += _unused(declared.main, {found.name for found in imports}, tree, packages)
    if faults:
        raise DependencyFaultError(faults)
    names = [line.split(" ")[0] for line in locked.splitlines() if "==" in line]
    return Resolution(
        verdict=passed(f"{len(names)} packages locked in {LOCK}, from wheels", [*names, *dated(listings)]),
        files={LOCK: locked.encode()},
        folders={_PACKAGES: packages},
        paths={"PYTHONPATH": _PACKAGES},
        env=_plugins(packages, declared.all),
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
        return _Declared()
    project = read_project(PROJECT, lambda: _Project.model_validate(tomllib.loads(tree[PROJECT].text)))
    beside = [*project.project.optional.values(), *project.groups.values()]
    own = canonicalize_name(project.project.name)
    return _Declared(
        main=tuple(_requirements(project.project.dependencies, own)),
        beside=tuple(
            _requirements((text for group in beside for text in group if isinstance(text, str)), own)
        ),
        extras=tuple(
            _requirements((text for group in project.project.optional.values() for text in group), own)
        ),
        building=tuple(
            requirement
            for requirement in _requirements(project.build.requires, own)
            if requirement.url or not is_widely_used(requirement.name, "pypi")
        ),
    )


def _requirements(texts: Iterable[str], own: str) -> Iterable[Requirement]:
    """What is required of others: a group may name the project itself, with another group in brackets."""
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise DependencyFaultError([f"{PROJECT}: {text!r} is no requirement"]) from error
        if canonicalize_name(requirement.name) not in {own, *_GIVEN}:
            yield requirement


def _wanted(declared: _Declared, needed: Iterable[Import]) -> tuple[Requirement, ...]:
    """All that users need, and of the rest what tests or single functions import, and plugins of pytest, which none has
    to import.
    """
    tested = [found.name for found in needed if found.test or found.on_demand]
    imported = {canonicalize_name(name) for module in tested for name in (module, guess_distribution(module))}
    return (
        *declared.main,
        *(r for r in declared.beside if _serves_tests(canonicalize_name(r.name), imported)),
    )


def _serves_tests(name: str, imported: Collection[str]) -> bool:
    return name in imported or name.startswith("pytest-") or name.endswith("-pytest")


def _plugins(packages: Path, declared: Iterable[Requirement]) -> dict[str, str]:
    """What tells pytest to load the plugins of what the repo declares; any other that came along stays unloaded."""
    names = {canonicalize_name(requirement.name) for requirement in declared}
    found: set[str] = set()
    for distribution in distributions(path=[str(packages)]):
        if canonicalize_name(distribution.name) in names:
            found |= {entry.module for entry in distribution.entry_points.select(group="pytest11")}
    return {"PYTEST_PLUGINS": ",".join(sorted(found))} if found else {}


def _declaration_faults(declared: _Declared, listings: Mapping[str, Listing | None]) -> list[str]:
    return invented_or_doubtful(listings, PROJECT, "pypi") + [
        f"{PROJECT} declares {requirement}: a dependency comes from the registry, by name and version"
        for requirement in (*declared.all, *declared.building)
        if requirement.url
    ]


def _unused(users: Sequence[Requirement], imported: Collection[str], tree: Tree, packages: Path) -> list[str]:
    """What everybody who installs the repo gets, and none of its code uses, as far as can be seen.

    A package is used that is imported, that the code or its settings name, that another one works better with, or that
    offers itself to another one by an entry point.
    """
    installed = {canonicalize_name(one.name): one for one in distributions(path=[str(packages)])}
    helped = {
        canonicalize_name(Requirement(text).name) for one in installed.values() for text in one.requires or ()
    }
    faults = []
    for requirement in users:
        name = canonicalize_name(requirement.name)
        found = installed.get(name)
        if found is None or name in helped or name.startswith("types-") or name.endswith("-stubs"):
            continue
        scripts = {entry.name for entry in found.entry_points if entry.group in _SCRIPTS}
        plugins = [entry for entry in found.entry_points if entry.group not in _SCRIPTS]
        words = {requirement.name, name, *_provided(found), *scripts, _READ_BY.get(name, name)}
        if not plugins and words.isdisjoint(imported) and not is_mentioned(words, tree, PROJECT, LOCK):
            faults.append(
                f"unused dependency: {PROJECT} declares {requirement.name} for everybody who installs this, and"
                " nothing imports it: remove it, or declare it for development"
            )
    return faults


def _undeclared(
    needed: Iterable[Import], modules: Mapping[str, frozenset[str]], declared: _Declared, url: str
) -> list[str]:
    """Imports that nothing declared provides. `modules` are the distributions that provide each module."""
    users = {canonicalize_name(requirement.name) for requirement in declared.main}
    testers = users | {canonicalize_name(requirement.name) for requirement in declared.beside}
    askers = users | {canonicalize_name(requirement.name) for requirement in declared.extras}
    # Where nothing was installed, the name alone says what a declared distribution provides.
    missing = [
        found
        for found in needed
        if not (modules.get(found.name) or {canonicalize_name(guess_distribution(found.name))})
        & (testers if found.test else askers if found.on_demand else users)
    ]
    # A table entry names what exists; any other guess is asked for. Each name once.
    guesses = {
        found.name: min(modules.get(found.name, ()), default=guess_distribution(found.name))
        for found in missing
    }
    listings = on_pypi(url, set(guesses.values()))
    return [
        f"unknown package: {found.where} imports {found.name}, which is neither in the repo nor in the registry"
        if listings[guesses[found.name]] is None
        else f"missing dependency: {found.where} imports {found.name}: declare {guesses[found.name]} in"
        f" [project].dependencies of {PROJECT}"
        for found in missing
    ]


def _lock(wanted: Sequence[Requirement], online: Online) -> str:
    """Resolve by pip, which builds nothing and installs nothing, and write the lock file."""
    asked = online.scratch / "requirements.in"
    asked.write_text("".join(f"{requirement}\n" for requirement in wanted), encoding="utf-8")
    names = [requirement.name for requirement in wanted]
    _pip(online, names, "--dry-run", "--ignore-installed", "--report", "report.json", "-r", asked.name)
    report = _Report.model_validate_json((online.scratch / "report.json").read_bytes())
    lines = []
    for item in sorted(report.install, key=lambda item: canonicalize_name(item.metadata.name)):
        name, version = canonicalize_name(item.metadata.name), item.metadata.version
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
    hosts = (place(url), *file_hosts(url, names))
    bundle = online.certificates(url)
    result = online.run(
        *["python3", "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input", "install"],
        *["-vv", "--no-cache-dir", "--only-binary", ":all:", "--index-url", url],
        *(["--cert", str(bundle)] if bundle else []),
        *arguments,
        hosts=hosts,
    )
    if result.exit_code != 0 and "No module named pip" in result.output:
        raise MissingToolError("pip is not installed.", fix="Install it into the factory's environment.")
    check_done(
        "pip", result, hosts=hosts, out_of_reach=_OUT_OF_REACH, declared_in=PROJECT, said_from="ERROR:"
    )


def _modules(packages: Path) -> dict[str, frozenset[str]]:
    """The distributions that provide each top-level module, by what was really installed."""
    found: dict[str, set[str]] = {}
    for distribution in distributions(path=[str(packages)]):
        for module in _provided(distribution):
            found.setdefault(module, set()).add(canonicalize_name(distribution.name))
    return {module: frozenset(names) for module, names in found.items()}


def _provided(distribution: Distribution) -> set[str]:
    """The top-level modules of a distribution."""
    tops = {file.parts[0] for file in distribution.files or ()}
    return {top.partition(".")[0] for top in tops if not top.endswith((".dist-info", ".data", ".."))}


class _ProjectTable(BaseModel):
    name: str = ""
    dependencies: tuple[str, ...] = ()
    optional: dict[str, tuple[str, ...]] = Field({}, alias="optional-dependencies")


class _BuildTable(BaseModel):
    requires: tuple[str, ...] = ()


class _Project(BaseModel):
    """What of pyproject.toml declares dependencies; a group may include others by a table."""

    project: _ProjectTable = _ProjectTable()
    build: _BuildTable = Field(_BuildTable(), alias="build-system")
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


PYTHON_PACKAGES = Packages(
    resolve=resolve_python,
    install=install_python,
    reach=lambda indexes: Reach((place(indexes.pypi_url), *indexes.pypi_files)),
    # Sources: pip's PIP_<OPTION>, uv's UV_DEFAULT_INDEX.
    variables=lambda indexes: {"PIP_INDEX_URL": indexes.pypi_url, "UV_DEFAULT_INDEX": indexes.pypi_url},
    project=PROJECT,
    lock=LOCK,
    is_locked=lambda text: any(line.partition("#")[0].strip() for line in text.splitlines()),
)
