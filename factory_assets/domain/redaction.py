"""One redaction for everything that is logged, stored, shown or sent: secrets in all the forms they may take."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from operator import is_
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel

from factory_assets.domain.errors import FactoryError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHORTEST_SECRET = 8
REDACTED = "[secret]"

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")

# A password such as `postgres` is a word of ordinary texts: to take it out everywhere would hide nothing.
_WORD = re.compile(r"[a-z]{1,15}")
_NAMED_SECRET = re.compile(r"key|token|secret|passw|auth|signature", re.IGNORECASE)
# Of a base64 text that begins so many bytes before the secret, the characters that depend on those bytes.
_FOREIGN_CHARACTERS = (0, 2, 3)


def is_recognisable(secret: str) -> bool:
    """Whether a text that holds this value holds the secret, and not just a short or ordinary word."""
    return len(secret) >= SHORTEST_SECRET and _WORD.fullmatch(secret) is None


def text_forms(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may stand in a text: as it is, JSON, base64, URL-encoded, hex; longest first.

    Base64 is made for each of the three places that a secret can have in what was encoded, in both alphabets,
    and holds only the characters that depend on the secret alone.
    """
    raw = secret.encode("utf-8", "surrogateescape")
    urls = (quote(secret, safe="", errors="surrogateescape"), quote(secret, errors="surrogateescape"))
    plus = quote_plus(secret, errors="surrogateescape")
    forms = [secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    for url in (*urls, plus):
        forms += [url, re.sub(r"%..", lambda code: code[0].lower(), url)]
    forms += [raw.hex(), raw.hex().upper()]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        own = encoded[_FOREIGN_CHARACTERS[before] : (before + len(raw)) * 8 // 6]
        forms += [own, own.translate(str.maketrans("+/", "-_"))]
    return tuple(sorted(dict.fromkeys(forms), key=len, reverse=True))


def secrets_in_url(url: str) -> tuple[str, ...]:
    """The password of an address (or its user, where it has no password) and the keys among its parameters."""
    parts = urlsplit(url)
    user = parts.password or parts.username
    keys = [value for name, value in parse_qsl(parts.query) if _NAMED_SECRET.search(name)]
    return tuple(dict.fromkeys([*((user, unquote(user)) if user else ()), *keys]))


class Redactor:
    """Replaces every form of every secret by `[secret]`; values that are no secrets by themselves are left."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if is_recognisable(secret) for form in text_forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, self._forms)))

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        return self._pattern.sub(REDACTED, text) if self._is_in(text) else text

    @contextmanager
    def stage(self, notify: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
        """The border of a stage: the same listener, told every line redacted, and every error that leaves the block.

        Raises:
            FactoryError: as `errors`.
        """
        with self.errors():
            yield lambda line: notify(self(line))

    def value(self, value: Value) -> Value:
        """The same with every text in it redacted; the very same object where nothing was to be done.

        It looks into models, dataclasses, mappings, and whatever else can be gone through.
        """
        return cast("Value", self._within(value)) if self._forms else value

    def model(self, value: Model) -> Model:
        """The same model with every text in it redacted; the very same object where nothing was to be done."""
        # As JSON has them, but never as JSON text, in which a secret may be escaped.
        parts = value.model_dump(mode="json")
        # Put together, because a search begun for each of many short texts costs more than the search does.
        if not self._is_in("\n".join(_texts(parts))):
            return value
        clean = self._nested(parts)
        return value if clean == parts else type(value).model_validate_json(json.dumps(clean))

    def error(self, error: FactoryError) -> FactoryError:
        """The same error with its texts redacted, and what led to it."""
        error.what, error.where, error.fix = self(error.what), self(error.where), self(error.fix)
        error.args = (error.what,)
        self._redact_causes(error)
        return error

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Redact every error that leaves the block.

        Raises:
            FactoryError: in place of any other exception whose text held a secret.
        """
        try:
            yield
        except FactoryError as error:
            self.error(error)
            raise
        except Exception as error:
            if any(self._tells(one) for one in _chain(error)):
                raise FactoryError(
                    f"{type(error).__name__}: {self(str(error))}",
                    fix="This is a fault of the factory; its traceback is left out, as it held a secret.",
                ) from None
            raise

    def _is_in(self, text: str) -> bool:
        # Three times as fast as the pattern, which tries all forms at each character.
        return any(form in text for form in self._forms)

    def _redact_causes(self, error: FactoryError) -> None:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if isinstance(cause, FactoryError):
            self.error(cause)
        elif cause is not None and any(self._tells(one) for one in _chain(cause)):
            # Other libraries' exceptions cannot be rewritten in place: their texts come from many places.
            error.__cause__ = FactoryError(f"{type(cause).__name__}: {self(str(cause))}")

    def _tells(self, error: BaseException) -> bool:
        return any(self(text) != text for text in (str(error), repr(error.args)))

    def _within(self, value: object) -> object:
        match value:
            case str():
                clean: object = self(value)
            case BaseModel():
                clean = self.model(value)
            case bytes() | range():
                clean = value
            case Mapping():
                pairs = {self._within(key): self._within(item) for key, item in value.items()}
                clean = value if all(pairs.get(key) is item for key, item in value.items()) else pairs
            case Iterable():
                clean = self._each(value)
            case _ if is_dataclass(value):
                clean = self._fields(value)
            case _:
                clean = value
        return clean

    def _each(self, values: Iterable[object]) -> object:
        items = list(values)
        clean = [self._within(item) for item in items]
        if isinstance(values, Sized) and all(map(is_, items, clean)):
            return values
        made = {tuple: tuple, set: set, frozenset: frozenset}.get(type(values), list)
        return made(clean)

    def _fields(self, value: DataclassInstance | type[DataclassInstance]) -> object:
        if isinstance(value, type):
            return value
        parts = {part.name: getattr(value, part.name) for part in fields(value) if part.init}
        clean = {name: self._within(part) for name, part in parts.items()}
        changed = {name: part for name, part in clean.items() if part is not parts[name]}
        return replace(value, **changed) if changed else value

    def _nested(self, value: object) -> object:
        match value:
            case str():
                return self(value)
            case list():
                return [self._nested(item) for item in value]
            case dict():
                return {key: self._nested(item) for key, item in value.items()}
            case _:
                return value


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case _:
            pass


def _chain(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    seen: set[int] = set()
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__
