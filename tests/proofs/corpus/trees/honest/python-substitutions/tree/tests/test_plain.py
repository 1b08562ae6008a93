from python_substitutions.plain import plain


def test_quotes_become_straight():
    assert plain("\u201cit\u2019s\u201d") == '"it\'s"'


def test_a_dash_becomes_a_hyphen():
    assert plain("1\u20132") == "1-2"


def test_an_ellipsis_becomes_three_dots():
    assert plain("and\u2026") == "and..."


def test_plain_text_stays():
    assert plain("plain - text") == "plain - text"
