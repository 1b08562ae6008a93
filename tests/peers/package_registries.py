"""A Python index (PEP 691, PEP 700), an npm registry, a sparse index of crates and a Go module proxy on loopback.

The real pip and the real npm are served by them. Dates have the forms that the real ones write: microseconds and Z on
PyPI, milliseconds and Z on npm, whole seconds and Z in the index of crates and on Go's proxy.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from factory_assets.domain.indexes import Indexes

NOW = datetime.now(UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def wheel(
    name: str,
    version: str,
    modules: dict[str, str],
    *,
    requires: tuple[str, ...] = (),
    plugin: str = "",
    script: str = "",
) -> bytes:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        **({f"{info}/entry_points.txt": f"[pytest11]\nx = {plugin}\n"} if plugin else {}),
        **({f"{info}/entry_points.txt": f"[console_scripts]\n{script} = x:main\n"} if script else {}),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def tarball(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


class PackageRegistries:
    """Serves what was added; `status` other than 200 is answered to every request for a listing.

    Without `dates` it is a mirror that does not know when a release came.
    """

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.status = 200
        self.dates = True
        self._crates: dict[str, dict[str, datetime]] = {}
        self._modules: dict[str, dict[str, datetime]] = {}
        self._wheels: dict[str, dict[str, tuple[bytes, datetime]]] = {}
        self._packages: dict[str, dict[str, tuple[bytes, dict[str, object], datetime]]] = {}
        registries = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, kind, body = registries._answer(unquote(self.path))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> PackageRegistries:
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def indexes(self) -> Indexes:
        return Indexes(
            pypi_url=f"{self.url}/simple",
            npm_url=f"{self.url}/npm",
            crates_url=f"{self.url}/crates",
            go_url=f"{self.url}/go",
        )

    def add_wheel(
        self,
        name: str,
        version: str,
        modules: dict[str, str],
        *,
        requires: tuple[str, ...] = (),
        plugin: str = "",
        script: str = "",
        uploaded: datetime | None = None,
    ) -> None:
        data = wheel(name, version, modules, requires=requires, plugin=plugin, script=script)
        filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self._wheels.setdefault(name, {})[filename] = (data, uploaded or ago(2_000))
        self.digests[name] = hashlib.sha256(data).hexdigest()

    def add_package(
        self,
        name: str,
        version: str,
        files: dict[str, str],
        *,
        published: datetime | None = None,
        manifest: dict[str, object] | None = None,
        **scripts: str,
    ) -> None:
        package = {
            "name": name,
            "version": version,
            "main": "index.js",
            "scripts": scripts,
            **(manifest or {}),
        }
        packed = tarball({"package.json": json.dumps(package), **files})
        self._packages.setdefault(name, {})[version] = (packed, package, published or ago(2_000))

    def add_crate(self, name: str, *versions: str, published: datetime | None = None) -> None:
        self._crates.setdefault(name, {}).update(
            dict.fromkeys(versions or ("1.0.0",), published or ago(2_000))
        )

    def add_module(self, path: str, *tags: str, committed: datetime | None = None) -> None:
        """A Go module; without tags it has its newest commit alone."""
        self._modules[path] = dict.fromkeys(
            tags or ("v0.0.0-20200101000000-0123456789ab",), committed or ago(2_000)
        )

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path.startswith("/wheels/") or path.endswith(".tgz"):
            return 200, "application/octet-stream", self._archive(path)
        if self.status != 200:
            return self.status, "text/plain", b"as the test wanted"
        _, kind, name = path.rstrip("/").split("/", 2)
        content_type, listing = self._listing(kind, name)
        if listing is None:
            return 404, "application/json", b'{"error": "Not found"}'
        return 200, content_type, listing

    def _listing(self, kind: str, name: str) -> tuple[str, bytes | None]:
        crate = name.rpartition("/")[2]
        match kind:
            case "simple":
                found = self._simple(name) if name in self._wheels else None
                return "application/vnd.pypi.simple.v1+json", found
            case "npm":
                return "application/json", self._packument(name) if name in self._packages else None
            case "crates":
                return "text/plain", self._crate(crate) if crate in self._crates else None
            case _:
                return "text/plain; charset=UTF-8", self._module(name)

    def _archive(self, path: str) -> bytes:
        if path.startswith("/wheels/"):
            _, _, name, filename = path.split("/")
            return self._wheels[name][filename][0]
        name, filename = path.removeprefix("/npm/").split("/-/")
        version = filename.removesuffix(".tgz").removeprefix(f"{name.rpartition('/')[2]}-")
        return self._packages[name][version][0]

    def _simple(self, name: str) -> bytes:
        files = [
            {
                "filename": filename,
                "url": f"{self.url}/wheels/{name}/{filename}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                "size": len(data),
                **({"upload-time": f"{uploaded:%Y-%m-%dT%H:%M:%S.%fZ}"} if self.dates else {}),
            }
            for filename, (data, uploaded) in self._wheels[name].items()
        ]
        versions = [filename.split("-")[1] for filename in self._wheels[name]]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": versions, "files": files}
        return json.dumps(page).encode()

    def _packument(self, name: str) -> bytes:
        releases = self._packages[name]
        versions = {
            version: {
                **package,
                "dist": {
                    "tarball": f"{self.url}/npm/{name}/-/{name.rsplit('/', maxsplit=1)[-1]}-{version}.tgz",
                    "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(),
                },
            }
            for version, (data, package, _) in releases.items()
        }
        dates = {version: _milliseconds(published) for version, (_, _, published) in releases.items()}
        time = {"created": min(dates.values()), "modified": max(dates.values()), **dates}
        return json.dumps(
            {
                "name": name,
                "dist-tags": {"latest": list(releases)[-1]},
                "versions": versions,
                **({"time": time} if self.dates else {}),
            }
        ).encode()

    def _crate(self, name: str) -> bytes:
        lines = [
            {
                "name": name,
                "vers": version,
                "deps": [],
                "cksum": "0" * 64,
                "features": {},
                "yanked": False,
                **({"pubtime": f"{published:%Y-%m-%dT%H:%M:%SZ}"} if self.dates else {}),
            }
            for version, published in self._crates[name].items()
        ]
        return "".join(f"{json.dumps(line)}\n" for line in lines).encode()

    def _module(self, path: str) -> bytes | None:
        escaped, _, asked = path.partition("/@")
        releases = self._modules.get(re.sub("!([a-z])", lambda letter: letter[1].upper(), escaped))
        tags = [] if releases is None else [tag for tag in releases if tag.count("-") < 2]
        if releases is None or re.search("[A-Z]", escaped):
            return None
        if asked == "v/list":
            return "".join(f"{tag}\n" for tag in tags).encode()
        wanted = list(releases)[-1] if asked == "latest" else asked.removeprefix("v/").removesuffix(".info")
        committed = releases.get(wanted)
        if committed is None:
            return None
        return json.dumps({"Version": wanted, "Time": f"{committed:%Y-%m-%dT%H:%M:%SZ}"}).encode()


def _milliseconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
