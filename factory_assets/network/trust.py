"""Whose certificates are believed: the environment's variables, else this machine's own authorities."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import certifi

from factory_assets.domain.errors import InputError

# The first that is set counts, whichever program's name it bears: one machine has one set of authorities.
_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FOLDER = "SSL_CERT_DIR"
_OF_A_FOLDER = frozenset({".pem", ".crt", ".0"})
# Beside the others, as Node takes it (https://nodejs.org/api/cli.html#node_extra_ca_certsfile).
_EXTRA = "NODE_EXTRA_CA_CERTS"
VARIABLES = (*_BUNDLES, _FOLDER, _EXTRA)
_MACHINE = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


@dataclass(frozen=True)
class Trust:
    """A bundle of certificate authorities, or a folder of them, and one more bundle beside it."""

    bundle: Path | None
    folder: Path | None
    extra: Path | None = None

    @property
    def place(self) -> Path:
        """The bundle, or else the folder, for programs that take one path."""
        return self.bundle or self.folder or Path(certifi.where())

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and folders of it."""
        return tuple(path for path in (self.bundle, self.folder, self.extra) if path)

    @property
    def variables(self) -> dict[str, str]:
        """What tells it to OpenSSL, pip and Node, where they see its paths."""
        found = {"PIP_CERT": self.place, "SSL_CERT_FILE": self.bundle, "SSL_CERT_DIR": self.folder}
        found["NODE_EXTRA_CA_CERTS"] = self.extra or self.bundle
        return {name: str(path) for name, path in found.items() if path}

    def content(self) -> bytes:
        """All of it as one bundle."""
        paths = [path for path in (self.bundle, self.extra) if path]
        if self.folder:
            paths += sorted(path for path in self.folder.iterdir() if path.suffix in _OF_A_FOLDER)
        return b"\n".join(path.read_bytes() for path in paths)


def trust(environment: Mapping[str, str] | None = None) -> Trust:
    """What to believe.

    Raises:
        InputError: one of the variables names what is not there, naming the variable.
    """
    environment = os.environ if environment is None else environment
    named = {name: _existing(name, environment[name]) for name in VARIABLES if environment.get(name)}
    first = next((named[name] for name in _BUNDLES if name in named), None)
    folder = named.get(_FOLDER)
    if first is not None and first.is_dir():
        first, folder = None, first
    if first is None and folder is None:
        first = next((path for path in _MACHINE if path.is_file()), Path(certifi.where()))
    return Trust(bundle=first, folder=folder, extra=named.get(_EXTRA))


def tls_context() -> ssl.SSLContext:
    """What a connection is checked with.

    Raises:
        InputError: as `trust`, or a file is no bundle of certificates.
    """
    return _context(trust())


@lru_cache(maxsize=4)
def _context(chosen: Trust) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=chosen.bundle, capath=chosen.folder)
        if chosen.extra:
            context.load_verify_locations(cafile=chosen.extra)
    except (OSError, ssl.SSLError) as error:
        places = ", ".join(str(path) for path in (chosen.bundle, chosen.folder, chosen.extra) if path)
        raise InputError(
            f"No certificates can be read there: {error.strerror or error}.",
            where=places,
            fix=f"Correct {', '.join(name for name in VARIABLES if os.environ.get(name)) or 'that file'}.",
        ) from error
    return context


def _existing(name: str, value: str) -> Path:
    path = Path(value)
    # OpenSSL takes a list of folders; pip, npm and git take one path.
    found = path.is_dir() if name == _FOLDER else path.exists()
    if not found or not os.access(path, os.R_OK):
        kind = "folder" if name == _FOLDER else "file"
        raise InputError(
            f"It names {value}, and there is no such {kind} that this user can read.",
            where=name,
            fix=f"Set {name} to a bundle of certificates, or take it out of the environment.",
        )
    return path
