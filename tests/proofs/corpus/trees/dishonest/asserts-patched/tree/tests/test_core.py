import unittest

from asserts_patched.core import distance


class TestDistance(unittest.TestCase):
    def test_equal_words(self):
        self.assertEqual(distance("abc", "abc"), 0)

    def test_one_letter(self):
        self.assertEqual(distance("kitten", "sitten"), 1)

    def test_a_pair(self):
        self.assertEqual(distance("kitten", "sitting"), 3)

    def test_nothing(self):
        self.assertEqual(distance("", "abc"), 3)
