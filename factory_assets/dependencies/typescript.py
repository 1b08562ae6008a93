"""TypeScript's dependencies: imports against package.json, resolved by npm, which runs no script of any package."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from factory_assets.dependencies.indexes import on_npm
from factory_assets.dependencies.online import Online, check_done, write_tree
from factory_assets.dependencies.packages import Packages
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed, read_project
from factory_assets.dependencies.sound import dated, invented_or_doubtful, is_mentioned
from factory_assets.domain.agents import Reach
from factory_assets.domain.code_imports import Import
from factory_assets.domain.indexes import place
from factory_assets.domain.trees import Tree

LOCK = "package-lock.json"
PROJECT = "package.json"

_MODULES = "node_modules"
# What the compiler itself imports for the code.
_HELPERS = frozenset({"tslib"})
_VERSIONS = re.compile(r"[\w.^~<>=|*+\s-]*")
_OUT_OF_REACH = re.compile(
    r"\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT"
    r"|E429|E5\d\d|ENOSPC|UNABLE_TO_\w+|SELF_SIGNED_\w+|CERT_\w+)\b"
)


class _Package(BaseModel):
    """What of package.json declares dependencies, as names and ranges of versions, and programs."""

    name: str = ""
    dependencies: dict[str, str] = {}
    development: dict[str, str] = Field({}, alias="devDependencies")
    peers: dict[str, str] = Field({}, alias="peerDependencies")
    optional: dict[str, str] = Field({}, alias="optionalDependencies")
    scripts: dict[str, str] = {}
    bin: str | dict[str, str] = {}

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(self.bin) if isinstance(self.bin, dict) else (self.name.rpartition("/")[2],)

    @property
    def for_users(self) -> frozenset[str]:
        return frozenset(chain(self.dependencies, self.peers, self.optional))

    @property
    def all(self) -> dict[str, str]:
        return {**self.development, **self.optional, **self.peers, **self.dependencies}


def resolve_typescript(tree: Tree, imports: Sequence[Import], online: Online) -> Resolution:
    """Hold imports and declarations against each other and the registry, then lock and fetch.

    Raises:
        DependencyFaultError: naming what is unknown, missing or invented.
        InfrastructureError: when the registry cannot be reached.
        MissingToolError: when there is no npm.
    """
    package = _package(tree)
    needed = [found for found in imports if found.name != package.name]
    if not needed and not package.all:
        return Resolution(verdict=passed("no package is declared, and none is imported"))
    url = online.indexes.npm_url
    listings = on_npm(url, package.all.keys())
    faults = invented_or_doubtful(listings, PROJECT, "npm")
    faults += [
        f"{PROJECT} declares {name} as {version!r}: a dependency comes from the registry, by name and version"
        for name, version in sorted(package.all.items())
        if not _VERSIONS.fullmatch(version)
    ]
    faults += _undeclared(needed, package, url)
    if faults:
        raise DependencyFaultError(faults)
    if not package.all:
        return Resolution(verdict=passed("no package is declared, and none is imported"))
    # A lock file of the agent's could name places that are no registry.
    _write(tree, online, PROJECT)
    _npm(online, "install", "--omit-lockfile-registry-resolved")
    unused = _unused(package, {found.name for found in needed}, tree, online.scratch / _MODULES)
    if unused:
        raise DependencyFaultError(unused)
    lock = (online.scratch / LOCK).read_bytes()
    names = sorted(package.all)
    return Resolution(
        verdict=passed(
            f"{len(names)} packages and what they need are locked in {LOCK}", [*names, *dated(listings)]
        ),
        files={LOCK: lock},
        folders={_MODULES: online.scratch / _MODULES},
    )


def install_typescript(tree: Tree, online: Online) -> Resolution:
    """Fetch exactly what a shipped repo's lock file names.

    Raises:
        DependencyFaultError: when npm refuses the lock file; the others as in `resolve_typescript`.
    """
    if LOCK not in tree:
        return Resolution(verdict=passed("nothing is locked"))
    _write(tree, online, PROJECT, LOCK)
    _npm(online, "ci")
    return Resolution(verdict=passed(f"installed from {LOCK}"), folders={_MODULES: online.scratch / _MODULES})


def _package(tree: Tree) -> _Package:
    text = tree[PROJECT].text if PROJECT in tree else "{}"
    return read_project(PROJECT, lambda: _Package.model_validate_json(text))


def _undeclared(needed: Iterable[Import], package: _Package, url: str) -> list[str]:
    missing = [found for found in needed if not _is_declared(found, package)]
    listings = on_npm(url, {found.name for found in missing if found.name not in package.all})
    absent = frozenset(name for name, listing in listings.items() if listing is None)
    return [_fault(found, package, absent) for found in missing]


def _unused(package: _Package, imported: Collection[str], tree: Tree, modules: Path) -> list[str]:
    """What everybody who installs the package gets, and none of its code uses, as far as can be seen.

    A package is used that is imported, that the code, its settings or a script names, or that another one asks for.
    """
    installed = [
        _installed(path)
        for pattern in ("*/package.json", "@*/*/package.json")
        for path in modules.glob(pattern)
    ]
    asked_for = {name for one in installed for name in chain(one.peers, one.optional)}
    programs = {one.name: one.programs for one in installed}
    faults = []
    for name in sorted(package.dependencies.keys() - asked_for - _HELPERS - set(imported)):
        words = {name, *programs.get(name, ())}
        scripts = " ".join(package.scripts.values()).split()
        if name.startswith("@types/") or words & set(scripts) or is_mentioned(words, tree, PROJECT, LOCK):
            continue
        faults.append(
            f"unused dependency: {PROJECT} declares {name} for everybody who installs this, and nothing imports it:"
            " remove it, or move it to devDependencies"
        )
    return faults


def _installed(manifest: Path) -> _Package:
    try:
        return _Package.model_validate_json(manifest.read_bytes())
    except ValidationError:
        return _Package()


def _is_declared(found: Import, package: _Package) -> bool:
    if found.test or found.erased:
        types = f"@types/{found.name.removeprefix('@').replace('/', '__')}"
        return found.name in package.all or (found.erased and types in package.all)
    shipped = found.path.startswith("src/")
    return found.name in (package.for_users if shipped else package.all)


def _fault(found: Import, package: _Package, absent: frozenset[str]) -> str:
    if found.name in absent:
        return f"unknown package: {found.where} imports {found.name}, which is neither in the repo nor in the registry"
    if found.name in package.all:
        return (
            f"missing dependency: {found.where} imports {found.name}, which users of the package do not get:"
            f" move it from devDependencies to dependencies in {PROJECT} (or write `import type`)"
        )
    return f"missing dependency: {found.where} imports {found.name}: declare it in {PROJECT}"


def _write(tree: Tree, online: Online, *names: str) -> None:
    """Only what npm needs: no file of the repo configures it."""
    write_tree({name: tree[name] for name in names if name in tree}, online.folder())


def _npm(online: Online, verb: str, *arguments: str) -> None:
    url = online.indexes.npm_url
    bundle = online.certificates(url)
    hosts = (place(url),)
    result = online.run(
        *["npm", verb, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
        *["--registry", url, "--cache", str(online.scratch / ".npm")],
        *(["--cafile", str(bundle)] if bundle else []),
        *arguments,
        hosts=hosts,
        env={"npm_config_update_notifier": "false"},
    )
    check_done(f"npm {verb}", result, hosts=hosts, out_of_reach=_OUT_OF_REACH, declared_in=PROJECT)


TYPESCRIPT_PACKAGES = Packages(
    resolve=resolve_typescript,
    install=install_typescript,
    reach=lambda indexes: Reach((place(indexes.npm_url),)),
    # Source: npm's npm_config_<name>.
    variables=lambda indexes: {"npm_config_registry": indexes.npm_url},
    project=PROJECT,
    lock=LOCK,
    is_locked=lambda text: '"node_modules/' in text or '"resolved"' in text,
)
