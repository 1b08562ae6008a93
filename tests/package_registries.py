"""A Python index (PEP 691), an npm registry and a list of crates on loopback, for the real pip and the real npm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from factory_assets.dependencies import Indexes


def wheel(
    name: str, version: str, modules: dict[str, str], *, requires: tuple[str, ...] = (), plugin: str = ""
) -> bytes:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        **({f"{info}/entry_points.txt": f"[pytest11]\nx = {plugin}\n"} if plugin else {}),
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
    """Serves what was added; `status` other than 200 is answered to every request for a listing."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.status = 200
        self.crates: set[str] = set()
        self._wheels: dict[str, dict[str, bytes]] = {}
        self._packages: dict[str, tuple[str, bytes, dict[str, str]]] = {}
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
            pypi_url=f"{self.url}/simple", npm_url=f"{self.url}/npm", crates_url=f"{self.url}/crates"
        )

    def add_wheel(
        self,
        name: str,
        version: str,
        modules: dict[str, str],
        *,
        requires: tuple[str, ...] = (),
        plugin: str = "",
    ) -> None:
        data = wheel(name, version, modules, requires=requires, plugin=plugin)
        filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self._wheels.setdefault(name, {})[filename] = data
        self.digests[name] = hashlib.sha256(data).hexdigest()

    def add_package(self, name: str, version: str, files: dict[str, str], **scripts: str) -> None:
        package = {"name": name, "version": version, "main": "index.js", "scripts": scripts}
        self._packages[name] = (version, tarball({"package.json": json.dumps(package), **files}), scripts)

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path.startswith("/wheels/") or path.endswith(".tgz"):
            return 200, "application/octet-stream", self._archive(path)
        if self.status != 200:
            return self.status, "text/plain", b"as the test wanted"
        _, kind, name = path.rstrip("/").split("/", 2)
        if kind == "simple" and name in self._wheels:
            return 200, "application/vnd.pypi.simple.v1+json", self._simple(name)
        if kind == "npm" and name in self._packages:
            return 200, "application/json", self._packument(name)
        known = kind == "crates" and name.rpartition("/")[2] in self.crates
        return (200, "text/plain", b"{}") if known else (404, "application/json", b'{"error": "Not found"}')

    def _archive(self, path: str) -> bytes:
        if path.startswith("/wheels/"):
            _, _, name, filename = path.split("/")
            return self._wheels[name][filename]
        return self._packages[path.split("/-/", maxsplit=1)[0].removeprefix("/npm/")][1]

    def _simple(self, name: str) -> bytes:
        files = [
            {
                "filename": filename,
                "url": f"{self.url}/wheels/{name}/{filename}",
                "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            }
            for filename, data in self._wheels[name].items()
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files}).encode()

    def _packument(self, name: str) -> bytes:
        version, data, scripts = self._packages[name]
        release = {
            "name": name,
            "version": version,
            "scripts": scripts,
            "dist": {
                "tarball": f"{self.url}/npm/{name}/-/{name.rsplit('/', maxsplit=1)[-1]}-{version}.tgz",
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(),
            },
        }
        return json.dumps(
            {"name": name, "dist-tags": {"latest": version}, "versions": {version: release}}
        ).encode()
