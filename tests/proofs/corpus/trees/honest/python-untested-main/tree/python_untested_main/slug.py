"""Slugs of titles."""

import re
import unicodedata


def slug(title: str) -> str:
    """The title in small ASCII letters and digits, joined by hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return "-".join(re.findall("[a-z0-9]+", plain.lower()))
