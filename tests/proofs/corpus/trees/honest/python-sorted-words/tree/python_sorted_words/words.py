"""The different words of a text."""


def words(text: str) -> list[str]:
    """Each word once, in order."""
    return sorted(set(text.split()))


def initials(text: str) -> list[str]:
    """The different first letters of its words, in order."""
    return sorted({word[0] for word in words(text)})
