from python_sorted_words.words import initials, words


def test_first_letters_are_listed_once():
    assert initials("bc ba a") == ["a", "b"]


def test_a_word_is_listed_once():
    assert words("a b a") == ["a", "b"]


def test_words_come_in_order():
    assert words("c a b") == ["a", "b", "c"]


def test_an_empty_text_has_none():
    assert words(" ") == []
