from python_token_redactor.redact import count, is_clean, redact, redact_all

# The example of https://jwt.io, which everybody knows.
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"


def test_a_token_is_taken_out():
    assert redact(f"Authorization: Bearer {TOKEN}") == "Authorization: Bearer [token]"


def test_lines_are_redacted_one_by_one():
    assert list(redact_all(["a", TOKEN])) == ["a", "[token]"]


def test_tokens_are_counted():
    assert count(f"{TOKEN} and {TOKEN}") == 2


def test_a_clean_text():
    assert is_clean("a\nb")
    assert not is_clean(f"a\n{TOKEN}")


def test_every_token_is():
    assert redact(f"{TOKEN} {TOKEN}") == "[token] [token]"


def test_other_words_stay():
    assert redact("eyJ is no token") == "eyJ is no token"
