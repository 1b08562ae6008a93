"""Go's dependencies: imports against go.mod, locked by `go mod tidy`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from factory_assets.dependencies.indexes import on_go
from factory_assets.dependencies.online import Online, check_done, write_tree
from factory_assets.dependencies.packages import Packages
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed
from factory_assets.dependencies.sound import dated, invented_or_doubtful
from factory_assets.domain.agents import Reach
from factory_assets.domain.code_imports import Import
from factory_assets.domain.indexes import GO_URL, place
from factory_assets.domain.trees import Tree

LOCKS = ("go.mod", "go.sum")

_CACHE = ".go-modules"
_SUMS_HOST = "sum.golang.org:443"
_OFFLINE = {"GOFLAGS": "-mod=mod", "GOPROXY": "off"}
_REQUIRE = re.compile(r"^(?:require\s|\trequire\s)", re.MULTILINE)
_OUT_OF_REACH = re.compile(
    r"dial tcp|no such host|i/o timeout|TLS handshake|connection re(?:fused|set)|network is unreachable"
    r"|: (?:429|5\d\d) |proxyconnect"
)


def resolve_go(tree: Tree, imports: Sequence[Import], online: Online) -> Resolution:
    """Let go itself resolve what the code imports from elsewhere.

    Raises:
        DependencyFaultError: naming what is unknown.
        InfrastructureError: when the module proxy cannot be reached.
        MissingToolError: when there is no go.
    """
    needed = imports
    # The first element of a path that can be fetched is a host name.
    strange = [found for found in needed if "." not in found.name.split("/")[0]]
    if strange:
        own = (
            tree["go.mod"].text.partition("module ")[2].partition("\n")[0].strip()
            if "go.mod" in tree
            else "none"
        )
        raise DependencyFaultError(
            [
                f"unknown package: {found.where} imports {found.name}, which is neither Go's nor in this module ({own})"
                for found in strange
            ]
        )
    if not needed and not ("go.mod" in tree and _REQUIRE.search(tree["go.mod"].text)):
        return Resolution(verdict=passed("standard library only"))
    _go(tree, online, "tidy")
    files = {
        name: (online.scratch / name).read_bytes() for name in LOCKS if (online.scratch / name).is_file()
    }
    listings = on_go(online.indexes.go_url, _direct(online))
    faults = invented_or_doubtful(listings, "go.mod", "go")
    if faults:
        raise DependencyFaultError(faults)
    names = sorted({found.name for found in needed})
    saw = passed(f"{len(names)} packages locked in go.sum", [*names, *dated(listings)])
    return _with_cache(online, Resolution(verdict=saw, files=files))


def install_go(tree: Tree, online: Online) -> Resolution:
    """Fetch exactly what go.sum names.

    Raises:
        DependencyFaultError: when go refuses go.sum; the others as in `resolve_go`.
    """
    if "go.sum" not in tree:
        return Resolution(verdict=passed("nothing is locked"))
    _go(tree, online, "download")
    return _with_cache(online, Resolution(verdict=passed("installed from go.sum")))


class _Module(BaseModel):
    path: str = Field(alias="Path")
    version: str = Field("", alias="Version")
    indirect: bool = Field(False, alias="Indirect")


class _Replacement(BaseModel):
    old: _Module = Field(alias="Old")
    new: _Module = Field(alias="New")


class _GoMod(BaseModel):
    """What `go mod edit -json` says of go.mod, as far as it is used: https://go.dev/ref/mod#go-mod-edit."""

    require: tuple[_Module, ...] | None = Field(None, alias="Require")
    replace: tuple[_Replacement, ...] | None = Field(None, alias="Replace")


def _direct(online: Online) -> set[str]:
    """The modules that the code itself imports from, each as what it is replaced by; a folder has no version."""
    said_of = _GoMod.model_validate_json(online.run("go", "mod", "edit", "-json", hosts=()).output)
    replaced = {one.old.path: one.new for one in said_of.replace or ()}
    modules = (replaced.get(one.path, one) for one in said_of.require or () if not one.indirect)
    return {module.path for module in modules if module.version}


def _with_cache(online: Online, resolution: Resolution) -> Resolution:
    folders = {_CACHE: online.scratch / _CACHE}
    return replace(resolution, folders=folders, paths={"GOMODCACHE": _CACHE}, env=_OFFLINE)


def _go(tree: Tree, online: Online, verb: str) -> None:
    write_tree(tree, online.folder())
    (online.scratch / _CACHE).mkdir()
    url = online.indexes.go_url
    hosts = (place(url), _SUMS_HOST)
    bundle = online.certificates(url)
    result = online.run(
        *["go", "mod", verb],
        hosts=hosts,
        env={
            "GOFLAGS": "-mod=mod -modcacherw",
            "GOPROXY": url,
            "GOTOOLCHAIN": "local",
            "GOMODCACHE": str(online.scratch / _CACHE),
            "GOCACHE": str(online.scratch / ".go-cache"),
            **({"SSL_CERT_FILE": str(bundle)} if bundle else {}),
        },
    )
    check_done(f"go mod {verb}", result, hosts=hosts, out_of_reach=_OUT_OF_REACH, declared_in="go.mod")


GO_PACKAGES = Packages(
    resolve=resolve_go,
    install=install_go,
    reach=lambda indexes: Reach((place(indexes.go_url, GO_URL), "sum.golang.org")),
    project="go.mod",
    lock="go.sum",
    is_locked=lambda text: bool(text.strip()),
)
