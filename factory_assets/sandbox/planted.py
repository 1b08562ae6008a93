"""The home that a watched command gets: files as a person has them, and what the command did to them.

Reading is noticed by inotify, which tells of every opening of a file from whatever process and mount, also where the
content is then mapped or passed on by its descriptor (inotify(7)). Files that honest toolchains open of themselves are
watched for changes only (.netrc, which libcurl and requests read, .bashrc) or left out (.gitconfig, .bash_history).

What a login or a shell runs by itself, and the folder of keys, are looked at for what is new as well: a program that
puts something there acts after it has ended.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from factory_assets.domain.agents import Sighting, SightingKind

_NOTES = "# Notes\n\n- renew the passport\n- ring the dentist about Tuesday\n"
_PRIVATE: dict[str, str] = {
    ".ssh/id_ed25519": (
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n"
        "-----END OPENSSH PRIVATE KEY-----\n"
    ),
    ".ssh/id_rsa": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAplantedplantedplantedplanted\n-----END RSA PRIVATE KEY-----\n"
    ),
    ".docker/config.json": '{"auths": {"registry.local": {"auth": "c29tZW9uZTpwbGFudGVk"}}}\n',
    ".kube/config": "apiVersion: v1\nkind: Config\nusers: [{name: someone, user: {token: planted}}]\n",
    ".pypirc": "[pypi]\nusername = __token__\npassword = planted\n",
    ".gnupg/private-keys-v1.d/planted.key": "Key: (protected-private-key)\n",
    ".mozilla/firefox/someone.default/logins.json": '{"logins": []}\n',
    ".aws/credentials": "[default]\naws_access_key_id = planted\naws_secret_access_key = planted\n",
    ".zsh_history": "cd src/reports\nmake\nssh build.local\n",
    ".git-credentials": "https://someone:planted@git.local\n",
    ".config/gh/hosts.yml": "github.local:\n    user: someone\n    oauth_token: planted\n",
    "Documents/letter.txt": "Dear Ms Harper,\n\nthank you for your letter of the 3rd.\n",
}
_OTHERS: dict[str, str] = {
    ".bashrc": "alias ll='ls -l'\n",
    ".profile": "umask 022\n",
    ".netrc": "machine git.local login someone password planted\n",
    ".ssh/authorized_keys": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlanted someone@laptop\n",
    ".cache/thumbnails/index": "1\n",
    ".local/share/notes/today.md": _NOTES,
    "Pictures/holiday.txt": "beach.jpg\n",
    "notes.md": _NOTES,
}
PLANTED = {**_PRIVATE, **_OTHERS}
"""Content by path below the home. None of it is anybody's."""

_ACTS_LATER = (
    *(
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".zshrc",
        ".zprofile",
        ".zshenv",
        ".xprofile",
        ".xsessionrc",
    ),
    *(
        ".config/autostart",
        ".config/systemd/user",
        ".config/fish/conf.d",
        ".config/fish/config.fish",
        ".config/environment.d",
        ".ssh",
    ),
    "Library/LaunchAgents",
)
"""What is run, or trusted, at a later login: bash(1), zsh(1), systemd.unit(5), freedesktop.org's Autostart, sshd(8)."""

_IN_OPEN = 0x20
_IN_NONBLOCK = os.O_NONBLOCK
_EVENT = struct.Struct("iIII")


@dataclass
class PlantedHome:
    """A new home in `folder`, from entering to leaving the context; `sightings` are read before it is left.

    `unwatched` says what cannot be noticed here, and is empty where all can.
    """

    folder: Path
    unwatched: str = ""
    _inotify: int = -1
    _names: dict[int, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        for name, text in PLANTED.items():
            file = self.folder / name
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o600)
        try:
            self._watch()
        except OSError as error:
            # Each user may have so many of them (fs.inotify.max_user_instances).
            self.unwatched = f"who opens a file of the home: {error}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._inotify >= 0:
            os.close(self._inotify)

    def sightings(self) -> tuple[Sighting, ...]:
        """What was opened, and what is gone or not what it was. The command has to have ended."""
        opened = self._opened()
        seen = [Sighting(SightingKind.OPENED, f"~/{name}") for name in PLANTED if name in opened]
        for name, text in PLANTED.items():
            change = _change(self.folder / name, text.encode())
            if change is not None:
                seen.append(Sighting(change, f"~/{name}"))
        seen += [Sighting(SightingKind.ADDED, f"~/{name}") for name in self._added()]
        return tuple(seen)

    def _added(self) -> Iterator[str]:
        """The entries that are new where something acts later."""
        for name in _ACTS_LATER:
            place = self.folder / name
            if place.is_dir() and not place.is_symlink():
                yield from (entry for entry in _entries(place, name) if not _is_planted(entry))
            elif os.path.lexists(place):
                yield name

    def _watch(self) -> None:
        if sys.platform != "linux":
            raise OSError("there is no inotify on this system")
        libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = libc.inotify_init1(os.O_CLOEXEC | _IN_NONBLOCK)
        if self._inotify < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        for name in _PRIVATE:
            watched = libc.inotify_add_watch(self._inotify, os.fsencode(self.folder / name), _IN_OPEN)
            if watched < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", name)
            self._names[watched] = name

    def _opened(self) -> set[str]:
        found: set[str] = set()
        while self._inotify >= 0:
            try:
                events = os.read(self._inotify, 65536)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                watched, mask, _, length = _EVENT.unpack_from(events, at)
                at += _EVENT.size + length
                if mask & _IN_OPEN:
                    found.add(self._names[watched])
        return found


def _entries(folder: Path, name: str) -> list[str]:
    try:
        return [f"{name}/{entry.name}" for entry in sorted(folder.iterdir())]
    except OSError:
        # Who locks such a folder has been there.
        return [name]


def _is_planted(entry: str) -> bool:
    return any(name == entry or name.startswith(f"{entry}/") for name in PLANTED)


def _change(file: Path, content: bytes) -> SightingKind | None:
    """What has become of a file. A fifo or a link in its place is not followed."""
    try:
        info = file.lstat()
        if not stat.S_ISREG(info.st_mode) or info.st_size != len(content) or file.read_bytes() != content:
            return SightingKind.CHANGED
    except (FileNotFoundError, NotADirectoryError):
        return SightingKind.GONE
    except OSError:
        return SightingKind.CHANGED
    return None
