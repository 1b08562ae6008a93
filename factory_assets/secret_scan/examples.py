"""Published examples of secrets, which are nobody's: https://jwt.io, RFC 7515 and RFC 7519, Amazon's documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re

_TOKEN = re.compile(rb"\b(ey[\w-]{10,}\.ey[\w-]{10,})\.([\w-]{10,})")
_CLAIMS = (
    {"sub": "1234567890", "name": "John Doe"},
    {"iss": "joe", "exp": 1300819380},
)
_KEYS = (
    b"secret",
    b"your-256-bit-secret",
    b"your-384-bit-secret",
    b"your-512-bit-secret",
    b"a-string-secret-at-least-256-bits-long",
    b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
)
_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
# The pair of keys that Amazon's documentation uses throughout.
_AMAZON = re.compile(rb"AKIAIOSFODNN7EXAMPLE|wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def without_examples(data: bytes) -> bytes:
    """The data without the published examples in it; every line stays on its line.

    A JSON Web Token is one when it has the claims of a published example, or is signed with a published key, which
    anybody could have done.
    """
    plain = _AMAZON.sub(b"example", data)
    return _TOKEN.sub(lambda match: b"example" if _is_published(match[1], match[2]) else match[0], plain)


def _is_published(signed: bytes, signature: bytes) -> bool:
    header, claims = (_object(part) for part in signed.split(b"."))
    if any(example.items() <= claims.items() for example in _CLAIMS):
        return True
    digest = _DIGESTS.get(str(header.get("alg")))
    return digest is not None and any(
        hmac.compare_digest(hmac.new(key, signed, digest).digest(), _decoded(signature)) for key in _KEYS
    )


def _object(part: bytes) -> dict[str, object]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(part: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        return b""
