from python_untested_main.slug import slug


def test_words_are_joined():
    assert slug("Hello, World!") == "hello-world"


def test_accents_are_dropped():
    assert slug("Caf\u00e9 cr\u00e8me") == "cafe-creme"


def test_digits_stay():
    assert slug("Top 10") == "top-10"
