"""The two kinds of places that files are copied to."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from factory_assets.domain.errors import InfrastructureError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import S3Config, S3Store

SETTING = "FACTORY_LOG_STORE"
_CONNECT, _REQUEST = timedelta(seconds=5), timedelta(seconds=60)
_RETRIES, _RETRY_FOR = 2, timedelta(seconds=20)


class Place(Protocol):
    """Keeps files by name. A name is a path with slashes, such as `transcripts/tool/1-build-1.jsonl`."""

    def put(self, name: str, file: Path) -> None:
        """Keep a copy of the file, whole or not at all; one of that name is replaced.

        Raises:
            InfrastructureError: the place cannot be reached, or takes nothing more.
        """
        ...

    def address(self, name: str) -> str:
        """Where a person finds it."""
        ...


class SharedFolder:
    """A folder, such as one of a file server that all hosts have mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, file: Path) -> None:
        """See Place."""
        target = self._folder / name
        scratch = target.with_name(f".{target.name}.new")
        try:
            # A file server that is not mounted leaves an empty folder, or none.
            if not self._folder.is_dir():
                raise InfrastructureError(
                    "The folder for transcripts and logs is not there.",
                    where=str(self._folder),
                    fix=f"Mount or make it, or change {SETTING}; what waits is sent then.",
                )
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(file, scratch)
            scratch.chmod(0o600)
            with scratch.open("rb") as copied:
                os.fsync(copied.fileno())
            scratch.replace(target)
        except OSError as error:
            raise InfrastructureError(
                f"A transcript or log could not be copied: {error}.",
                where=str(self._folder),
                fix="Check that the folder can be written and has space; what waits is sent then.",
            ) from error

    def address(self, name: str) -> str:
        """See Place."""
        return str(self._folder / name)


class Bucket:
    """A bucket of an S3-compatible store: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.

    Args:
        url: `s3://bucket/prefix`.
        options: by obstore's names; what is not given is looked for where AWS's own programs do, as a role of the
            machine (https://docs.rs/object_store/latest/object_store/aws/enum.AmazonS3ConfigKey.html).
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self._url = url.rstrip("/")
        self._options = dict(options)
        self._made: S3Store | None = None

    def put(self, name: str, file: Path) -> None:
        """See Place."""
        import obstore  # noqa: PLC0415  only where a bucket is used

        with self._errors():
            obstore.put(self._store(), name, file)

    def address(self, name: str) -> str:
        """See Place."""
        return f"{self._url}/{name}"

    def _store(self) -> S3Store:
        if self._made is None:
            from obstore.store import S3Store  # noqa: PLC0415

            endpoint = self._options.get("endpoint", "")
            self._made = S3Store.from_url(
                self._url,
                config=cast("S3Config", self._options),
                client_options={
                    "connect_timeout": _CONNECT,
                    "timeout": _REQUEST,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_FOR},
            )
        return self._made

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from obstore.exceptions import BaseError  # noqa: PLC0415

        try:
            yield
        except (BaseError, OSError) as error:
            raise InfrastructureError(
                f"A transcript or log could not be sent: {_in_short(error)}",
                where=self._url,
                fix=f"Check {SETTING}, AWS_ENDPOINT_URL and the keys; what waits is sent then.",
            ) from error


def place_of(setting: str, options: Mapping[str, str]) -> Place:
    """The place that a setting names.

    Raises:
        InputError: a bucket is named, and the library for it is missing.
    """
    if urlsplit(setting).scheme != "s3":
        return SharedFolder(Path(setting))
    try:
        import obstore  # noqa: F401, PLC0415
    except ImportError:
        raise InputError(
            "A bucket needs the library obstore.", where=SETTING, fix="pip install 'software-factory[s3]'"
        ) from None
    return Bucket(setting, options)


def _in_short(error: Exception) -> str:
    """The store's own code where it has answered, as `NoSuchBucket`; else the first line of what went wrong."""
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return f"the store answered {code[1]}." if code else f"{first[:300].rstrip('.')}."
