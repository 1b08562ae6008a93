"""The kinds of values that several settings share, and what a value of each may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from factory_assets.domain.times import check_cron

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def _absolute(path: Path) -> Path:
    try:
        return PROJECT_ROOT / path.expanduser()
    except RuntimeError:
        raise ValueError(f"the home folder in {path} is not known") from None


def _web_address(url: str) -> str:
    # The text must not show the address: it may hold a password.
    if not _is_web_address(url):
        raise ValueError("it must be a URL with a host, as https://host/path")
    return url


def _package_registry(url: str) -> str:
    if not _is_web_address(url) or urlsplit(url).username is not None:
        raise ValueError("it must be a URL with a host and without a password, which a sandbox would see")
    return url


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port checks it.
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in {"http", "https"} and not re.search(r"\s", text)


def _fits_a_header(credential: SecretStr) -> SecretStr:
    if not all("!" <= character <= "~" for character in credential.get_secret_value()):
        raise ValueError("it holds a blank or a character outside ASCII, as no credential does: copy it anew")
    return credential


def _postgres(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("it must be postgresql://user:password@host/database")
    return url


def _broker(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("it must be redis://:password@host:6379/0")
    return url


def _log_store(text: str) -> str:
    parts = urlsplit(text)
    if not parts.scheme:
        return str(_absolute(Path(text)))
    if parts.scheme != "s3" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
        raise ValueError("it must be a folder, or s3://bucket or s3://bucket/prefix")
    return text


def _cron(expression: str) -> str:
    check_cron(expression)
    return expression


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PackageRegistry = Annotated[str, AfterValidator(_package_registry)]
Credential = Annotated[SecretStr, AfterValidator(_fits_a_header)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]
LogStore = Annotated[str, AfterValidator(_log_store)]
Cron = Annotated[str, AfterValidator(_cron)]
