"""Git over HTTP for the GitHub stand-in: `git http-backend` as a CGI program, behind the caller's checks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

CLEAN_GIT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
}


def git(*arguments: str, cwd: Path | None = None) -> str:
    """Run git with no configuration but its own; its output."""
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=CLEAN_GIT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def make_server_repository(path: Path) -> None:
    """An empty bare repository that refuses what must never be asked of it: forced pushes and deletes."""
    git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
    for key, value in {
        "http.receivepack": "true",
        "receive.denyNonFastForwards": "true",
        "receive.denyDeletes": "true",
        "receive.fsckObjects": "true",
    }.items():
        git("-C", str(path), "config", key, value)
    # receive.denyDeletes and denyNonFastForwards guard branches only.
    _hook(
        path,
        "update",
        'case "$1 $2" in refs/tags/*" "*[!0]*) echo "tags stay as they are" >&2; exit 1 ;; esac\n',
    )


def refuse_pushes(path: Path, message: str) -> None:
    """Every push is declined with this message, as GitHub's push protection does."""
    _hook(path, "pre-receive", f"cat >/dev/null\ncat >&2 <<'EOF'\n{message}\nEOF\nexit 1\n")


def admit_pushes(path: Path) -> None:
    """Pushes are taken again."""
    (path / "hooks" / "pre-receive").unlink()


def _hook(path: Path, name: str, script: str) -> None:
    hook = path / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}")
    hook.chmod(0o755)


def read_body(stream: IO[bytes], headers: Mapping[str, str]) -> bytes:
    """The request's body, whether its length was named or it came in chunks (git does both)."""
    if "chunked" not in headers.get("transfer-encoding", ""):
        return stream.read(int(headers.get("content-length", "0")))
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def http_backend(
    *, root: Path, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, user: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Let git answer one request: status, headers, body. An empty `user` is anonymous."""
    environment = {
        **CLEAN_GIT,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
        **({"REMOTE_USER": user} if user else {}),
    }
    done = subprocess.run(
        ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
    )
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    pairs = [(key, value.strip()) for key, _, value in (h.partition(":") for h in head.decode().splitlines())]
    status = next((int(value.split()[0]) for key, value in pairs if key.lower() == "status"), 200)
    return status, [(key, value) for key, value in pairs if key.lower() != "status"], answer
