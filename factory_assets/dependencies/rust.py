"""Rust's dependencies: `use` against Cargo.toml, locked and fetched by cargo."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace

from pydantic import AliasChoices, BaseModel, Field

from factory_assets.dependencies.indexes import on_crates
from factory_assets.dependencies.online import Online, check_done, write_tree
from factory_assets.dependencies.packages import Packages
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed, read_project
from factory_assets.dependencies.sound import dated, invented_or_doubtful, is_mentioned
from factory_assets.domain.agents import Reach
from factory_assets.domain.code_imports import Import
from factory_assets.domain.indexes import CRATES_URL, place
from factory_assets.domain.trees import Tree

LOCK = "Cargo.lock"
PROJECT = "Cargo.toml"

# A Cargo.toml in there is data of a test, or somebody else's.
_NO_MEMBER = frozenset({"tests", "testdata", "fixtures", "vendor", "target"})
_HOME = ".cargo-home"
_FILES_HOST = "static.crates.io:443"
_OUT_OF_REACH = re.compile(
    r"[Cc]ould ?n.t resolve host|failed to connect|timed? ?out|spurious network error|\[(?:6|7|28|35|56)\]"
    r"|status code (?:429|5\d\d)|SSL"
)


class _Dependency(BaseModel):
    """One entry; what is not named here changes nothing for the gate."""

    package: str | None = None
    git: str | None = None
    path: str | None = None
    workspace: bool = False
    optional: bool = False
    features: tuple[str, ...] = ()


_Entries = dict[str, str | _Dependency]


class _Tables(BaseModel):
    """Cargo takes the names of two of them with an underscore as well."""

    dependencies: _Entries = {}
    development: _Entries = Field({}, validation_alias=AliasChoices("dev-dependencies", "dev_dependencies"))
    building: _Entries = Field({}, validation_alias=AliasChoices("build-dependencies", "build_dependencies"))

    @property
    def own(self) -> _Entries:
        return {**self.development, **self.building, **self.dependencies}


class _Workspace(BaseModel):
    dependencies: _Entries = {}


class _Cargo(_Tables):
    """One Cargo.toml. `targets` are its tables for some systems or settings only, by their condition."""

    targets: dict[str, _Tables] = Field({}, alias="target")
    workspace: _Workspace = _Workspace()

    @property
    def all(self) -> _Entries:
        found: _Entries = {}
        for table in (*self.targets.values(), self):
            found |= table.own
        return found


def resolve_rust(tree: Tree, imports: Sequence[Import], online: Online) -> Resolution:
    """Hold `use` and declarations against each other and the registry, then lock and fetch.

    Raises:
        DependencyFaultError: naming what is unknown, missing or invented.
        InfrastructureError: when the registry cannot be reached.
        MissingToolError: when there is no cargo.
    """
    declared = _declared(tree)
    needed = imports
    if not needed and not declared:
        return Resolution(verdict=passed("standard library only"))
    crates = {_crate(name, entry): name for name, entry in declared.items() if not _local(entry)}
    known = {name.replace("-", "_") for name in declared}
    missing = [found for found in needed if found.name not in known]
    guesses = {found.name for found in missing}
    listings = on_crates(online.indexes.crates_url, set(crates))
    faults = invented_or_doubtful(listings, PROJECT, "crates")
    absent = {
        name for name, listing in on_crates(online.indexes.crates_url, guesses).items() if listing is None
    }
    faults += [
        f"{PROJECT} declares {name} by git: a dependency comes from the registry, by name and version"
        for name, entry in sorted(declared.items())
        if isinstance(entry, _Dependency) and entry.git
    ]
    faults += [
        f"unknown package: {found.where} uses {found.name}, which is neither in the repo nor in the registry"
        if found.name in absent
        else f"missing dependency: {found.where} uses {found.name}: declare it in {PROJECT}"
        for found in missing
    ]
    faults += _unused(tree)
    if faults:
        raise DependencyFaultError(faults)
    # A lock file of the agent's could name places that are no registry.
    _cargo({path: file for path, file in tree.items() if path != LOCK}, online, "fetch")
    names = sorted(declared)
    return _with_home(
        online,
        Resolution(
            verdict=passed(
                f"{len(names)} crates and what they need are locked in {LOCK}", [*names, *dated(listings)]
            ),
            files={LOCK: (online.scratch / LOCK).read_bytes()},
        ),
    )


def install_rust(tree: Tree, online: Online) -> Resolution:
    """Fetch exactly what Cargo.lock names.

    Raises:
        DependencyFaultError: when cargo refuses the lock file; the others as in `resolve_rust`.
    """
    if LOCK not in tree or not _declared(tree):
        return Resolution(verdict=passed("nothing is locked"))
    _cargo(tree, online, "fetch", "--locked")
    return _with_home(online, Resolution(verdict=passed(f"installed from {LOCK}")))


def _unused(tree: Tree) -> list[str]:
    """What everybody who installs the crate gets, and no source names; what it may need without a name is left."""
    sources = {path: file for path, file in tree.items() if path.endswith(".rs")}
    return [
        f"unused dependency: {path} declares {name} for everybody who installs this, and no source uses it: remove it,"
        " or move it to [dev-dependencies]"
        for path in tree
        if _is_manifest(path)
        for name, entry in sorted(_manifest(path, tree[path].text).dependencies.items())
        if not _works_unnamed(name, entry) and not is_mentioned({name.replace("-", "_")}, sources)
    ]


def _works_unnamed(name: str, entry: str | _Dependency) -> bool:
    """A crate that links a library, one of the repo's own, and one that is there for its features."""
    return name.endswith("-sys") or (
        isinstance(entry, _Dependency)
        and bool(entry.path or entry.git or entry.workspace or entry.optional or entry.features)
    )


def _declared(tree: Tree) -> _Entries:
    """What all Cargo.toml of the repo declare; an entry of the workspace stands for those that refer to it."""
    manifests = {path: _manifest(path, tree[path].text) for path in tree if _is_manifest(path)}
    shared = manifests[PROJECT].workspace.dependencies if PROJECT in manifests else {}
    found: _Entries = {}
    for manifest in manifests.values():
        for name, entry in manifest.all.items():
            refers = isinstance(entry, _Dependency) and entry.workspace
            found[name] = shared.get(name, entry) if refers else entry
    return found


def _is_manifest(path: str) -> bool:
    parts = path.split("/")
    return parts[-1] == PROJECT and not _NO_MEMBER.intersection(parts[:-1])


def _manifest(path: str, text: str) -> _Cargo:
    return read_project(path, lambda: _Cargo.model_validate(tomllib.loads(text)))


def _crate(name: str, entry: str | _Dependency) -> str:
    return entry.package or name if isinstance(entry, _Dependency) else name


def _local(entry: str | _Dependency) -> bool:
    return isinstance(entry, _Dependency) and bool(entry.path or entry.git)


def _with_home(online: Online, resolution: Resolution) -> Resolution:
    return replace(resolution, folders={_HOME: online.scratch / _HOME}, paths={"CARGO_HOME": _HOME})


def _cargo(tree: Tree, online: Online, *arguments: str) -> None:
    # No file of the repo configures cargo.
    write_tree(
        {path: file for path, file in tree.items() if ".cargo" not in path.split("/")}, online.folder()
    )
    (online.scratch / _HOME).mkdir()
    hosts = (place(online.indexes.crates_url), _FILES_HOST)
    bundle = online.certificates(online.indexes.crates_url)
    env = {
        "CARGO_HOME": str(online.scratch / _HOME),
        **({"CARGO_HTTP_CAINFO": str(bundle)} if bundle else {}),
    }
    result = online.run("cargo", *arguments, hosts=hosts, env=env)
    check_done(f"cargo {arguments[0]}", result, hosts=hosts, out_of_reach=_OUT_OF_REACH, declared_in=PROJECT)


RUST_PACKAGES = Packages(
    resolve=resolve_rust,
    install=install_rust,
    reach=lambda indexes: Reach((place(indexes.crates_url, CRATES_URL), "static.crates.io", "crates.io")),
    project=PROJECT,
    lock=LOCK,
    is_locked=lambda text: any(line.startswith("source") for line in text.splitlines()),
)
