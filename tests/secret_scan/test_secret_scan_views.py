"""Secrets in other readings of a text: joined, backwards, or encoded; found all the same, and told once."""

from __future__ import annotations

import base64
import codecs
import hashlib
import hmac
import json
import marshal
import pickle
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from secret_material import NoRules, Work

from factory_assets.secret_scan.rules import Kingfisher, made_up_key, rule_cache
from factory_assets.secret_scan.scanner import SecretScanner, describe_secrets

KEY = made_up_key()
OWN = "tok-0123456789-abcdefghij"


def pieces(text: str, size: int = 9) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


FORMS: dict[str, Callable[[str], str]] = {
    "reversed": lambda key: f'KEY = "{key[::-1]}"[::-1]\n',
    "reversed in two": lambda key: f'KEY = ("{key[20:][::-1]}" + "{key[:20][::-1]}")[::-1]\n',
    "plus": lambda key: 'KEY = "' + '" + "'.join(pieces(key)) + '"\n',
    "adjacent": lambda key: "KEY = (\n    '" + "'\n    '".join(pieces(key)) + "'\n)\n",
    "bytes": lambda key: 'KEY = b"' + '" b"'.join(pieces(key)) + '"\n',
    "a list": lambda key: f'KEY = "".join({json.dumps(pieces(key, 1))})\n',
    "a list of lines": lambda key: f"KEY = {json.dumps(pieces(key), indent=2)}.join('')\n",
    "dots of a shell": lambda key: "key=" + "''".join(f"'{piece}'" for piece in pieces(key)) + "\n",
    "named pieces": lambda key: f'_FIRST = "{key[:14]}"\n_REST = "{key[14:]}"\n\n\nK = _FIRST + _REST\n',
    "named in another order": lambda key: f'const rest = "{key[14:]}";\nconst first = "{key[:14]}";\n',
    "a prefix by itself": lambda key: f'PREFIX = "{key[:4]}"\nNAME = "words"\nBODY = "{key[4:]}"\n',
    "named in a shell": lambda key: f"a={key[:20]}\nb={key[20:]}\nexport KEY=$a$b\n",
    "three names": lambda key: f'A = "{key[:9]}"\nB = "{key[9:22]}"\nC = "{key[22:]}"\n',
    "hex": lambda key: f'KEY = bytes.fromhex("{key.encode().hex()}")\n',
    "upper hex": lambda key: f"{key.encode().hex().upper()}\n",
    "escaped hex": lambda key: 'KEY = "' + "".join(f"\\x{byte:02x}" for byte in key.encode()) + '"\n',
    "a list of numbers": lambda key: "k = [" + ", ".join(hex(byte) for byte in key.encode()) + "]\n",
    "escaped octal": lambda key: 'KEY = "' + "".join(f"\\{byte:03o}" for byte in key.encode()) + '"\n',
    "decimal numbers": lambda key: f"_CODES = {list(key.encode())}\nKEY = bytes(_CODES).decode()\n",
    "characters by number": lambda key: "k = " + " + ".join(f"chr({byte})" for byte in key.encode()) + "\n",
    "decimal numbers in lines": lambda key: "[\n" + "".join(f"  {byte},\n" for byte in key.encode()) + "]\n",
    "bytes of Rust": lambda key: "[" + ", ".join(f"{byte}u8" for byte in key.encode()) + "]\n",
    "rot13": lambda key: f'KEY = codecs.decode("{codecs.encode(key, "rot13")}", "rot13")\n',
    "URL": lambda key: "?key=" + "".join(f"%{byte:02X}" for byte in key.encode()) + "&x=1\n",
    "base32": lambda key: f'KEY = "{base64.b32encode(key.encode()).decode()}"\n',
    "lower base32": lambda key: f"{base64.b32encode(key.encode()).decode().lower().rstrip('=')}\n",
    "base85": lambda key: f'KEY = "{base64.b85encode(key.encode()).decode()}"\n',
    "ascii85": lambda key: f"{base64.a85encode(key.encode()).decode()}\n",
    "base64 of a pickle": lambda key: f'S = "{base64.b64encode(pickle.dumps({"token": key})).decode()}"\n',
    "base64 of reversed": lambda key: f'KEY = "{base64.b64encode(key[::-1].encode()).decode()}"\n',
    "base64 in two": lambda key: (
        f'A = "{base64.b64encode(key[:21].encode()).decode()}"\nB = "{base64.b64encode(key[21:].encode()).decode()}"\n'
    ),
    "hex backwards": lambda key: f'KEY = "{key.encode().hex()[::-1]}"\n',
}  # fmt: skip


@pytest.fixture(scope="module")
def kingfisher() -> Kingfisher:
    return Kingfisher(cache=rule_cache())


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(tmp_path / "work")
    made.commit({"README.md": "# A tool\n"})
    return made


def test_a_key_that_the_rules_know_is_found_in_every_form_once(work: Work, kingfisher: Kingfisher) -> None:
    keys = {name: made_up_key() for name in FORMS}
    work.commit({f"{number:02}.py": FORMS[name](key) for number, (name, key) in enumerate(keys.items())})
    leaks = SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")
    found = [int(leak.path[:2]) for leak in leaks]
    assert [list(FORMS)[number] for number in found] == list(FORMS)
    assert not any(key in describe_secrets(leaks) for key in keys.values())


@pytest.mark.parametrize("form", FORMS)
def test_the_factorys_own_secret_is_found_in_every_form(work: Work, form: str) -> None:
    work.commit({"a.py": FORMS[form](OWN)})
    (leak,) = SecretScanner([OWN], NoRules()).scan_quickly(work.git_dir, "HEAD")[:1]
    assert leak.is_own
    assert leak.path.partition("!")[0] == "a.py"


def test_a_key_that_stands_there_plainly_is_told_of_once_with_its_line(
    work: Work, kingfisher: Kingfisher
) -> None:
    work.commit({"a.py": f'import os\n\nKEY = "{KEY}"\nOTHER = "something"\n'})
    leaks = SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")
    assert [(leak.path, leak.line) for leak in leaks] == [("a.py", 3)]


BINARIES: dict[str, Callable[[str], bytes]] = {
    "pickle": lambda key: pickle.dumps({"token": key}),
    "pickle of old": lambda key: pickle.dumps({"token": key}, protocol=2),
    "marshal": lambda key: marshal.dumps({"token": key}),
    "protobuf": lambda key: b"\x0a\x04\xff\xfe\xfd\xfcR" + bytes([len(key)]) + key.encode() + b"X\x01",
}


@pytest.mark.parametrize("is_encoded", [False, True], ids=["as it is", "in base64"])
def test_a_key_in_a_binary_is_found_though_letters_of_the_format_touch_it(
    work: Work, kingfisher: Kingfisher, *, is_encoded: bool
) -> None:
    drawn = random.Random(7)
    letters = string.ascii_letters + string.digits
    begin, end = ("".join(drawn.choices(letters, k=20)) for _ in range(2))
    # Its length, 51, is the letter 3 in a format that writes the length before a string.
    key = f"sk-{begin}T3BlbkFJ{end}"
    files = {f"{number}.bin": make(key) for number, make in enumerate(BINARIES.values())}
    if is_encoded:
        files = {name: base64.b64encode(data) for name, data in files.items()}
    work.commit(files)
    scanner = SecretScanner([], kingfisher)
    for leaks in (scanner.scan_quickly(work.git_dir, "HEAD"), scanner.scan(work.git_dir, "HEAD")):
        assert {leak.path.partition("!")[0] for leak in leaks} == set(files)


def token(claims: dict[str, object], key: bytes) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    signed = ".".join(parts)
    signature = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_a_published_example_is_no_secret_and_another_token_is(work: Work, kingfisher: Kingfisher) -> None:
    examples = {
        "site.py": token({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}, b"unknown"),
        "key.py": token({"user": "me", "exp": 1}, b"your-256-bit-secret"),
    }
    work.commit({path: f'SAMPLE = "{text}"\nother = "piece"\n' for path, text in examples.items()})
    amazon = 'aws_access_key_id = "AKIA' + 'IOSFODNN7EXAMPLE"\n'
    amazon += 'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY"\n'
    work.commit({"aws.py": amazon})
    assert SecretScanner([], kingfisher).scan(work.git_dir, "HEAD") == ()
    work.commit({"real.py": f'TOKEN = "{token({"user": "me", "exp": 1}, random.randbytes(32))}"\n'})
    assert [leak.path for leak in SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")] == ["real.py"]


def test_digests_lock_files_and_lists_of_words_are_no_secrets(work: Work, kingfisher: Kingfisher) -> None:
    seeded = random.Random(5)
    lock = "".join(
        f'"node_modules/p{n}": {{"integrity": "sha512-{base64.b64encode(seeded.randbytes(64)).decode()}"}},\n'
        for n in range(300)
    )
    hashes = "".join(f"p{n}==1.0 \\\n    --hash=sha256:{seeded.randbytes(32).hex()}\n" for n in range(300))
    redactor = 'PREFIXES = ("ghp_", "sk-", "AKIA", "xoxb-")\nassert redact("ghp_" + "a" * 36) == "***"\n'
    redactor += '_NPM = "npm_package"\nif kind in ("ImportError", "ModuleNotFoundError", "NotImplementedError"): ...\n'
    words = f"WORDS = {json.dumps(['alpha', 'beta2', 'gamma-3'] * 200)}\n"
    work.commit({"package-lock.json": lock, "requirements.lock": hashes, "r.py": redactor, "w.py": words})
    assert SecretScanner([], kingfisher).scan(work.git_dir, "HEAD") == ()


def test_a_word_for_a_password_in_an_address_is_an_example_and_a_drawn_one_is_not(
    work: Work, kingfisher: Kingfisher
) -> None:
    examples = (
        "http://wiki:pedia@hatnote.com",
        "http://user:p%40ss@wikipedia.org",
        "ftp://me:b%C3%A9b@tmp.com",
    )
    work.commit({"tests/test_urls.py": "".join(f"parse({url!r})\n" for url in examples)})
    assert SecretScanner([], kingfisher).scan(work.git_dir, "HEAD") == ()
    drawn = "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=18))
    work.commit({"db.py": f'DB = "postgresql://admin:{drawn}@db.prod-internal.net:5432/app"\n'})
    assert {leak.path for leak in SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")} == {"db.py"}
