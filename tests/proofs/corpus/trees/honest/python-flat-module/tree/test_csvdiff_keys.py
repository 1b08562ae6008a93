import contextlib
import io
import os
import tempfile
import unittest

import csvdiff_keys as subject


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
        return path

    def run_main(self, old, new, *more):
        out, err = io.StringIO(), io.StringIO()
        args = [self.file("old.csv", old), self.file("new.csv", new), "-k", "id", *more]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = subject.main(args)
        return code, out.getvalue(), err.getvalue()

    def test_the_same_rows_in_another_order_are_equal(self):
        self.assertEqual(self.run_main("id,a\n1,x\n2,y\n", "a,id\ny,2\nx,1\n"), (0, "", ""))

    def test_added_removed_changed(self):
        code, out, _ = self.run_main("id,a\n1,x\n2,y\n", "id,a\n2,z\n3,w\n")
        self.assertEqual(code, 1)
        self.assertEqual(out.splitlines(), ["- 1", "~ 2 a: y -> z", "+ 3"])

    def test_an_ignored_column_may_differ(self):
        self.assertEqual(self.run_main("id,a\n1,x\n", "id,a\n1,y\n", "-i", "a")[0], 0)

    def test_quiet(self):
        self.assertEqual(self.run_main("id,a\n1,x\n", "id,a\n1,y\n", "--quiet"), (1, "", ""))

    def test_another_delimiter(self):
        self.assertEqual(self.run_main("id;a\n1;x\n", "id;a\n1;x\n", "-d", ";")[0], 0)

    def test_a_key_that_is_there_twice(self):
        code, _, err = self.run_main("id,a\n1,x\n1,y\n", "id,a\n")
        self.assertEqual(code, 2)
        self.assertIn("old.csv:3: key 1 stands there twice", err)

    def test_a_missing_key_column(self):
        code, _, err = self.run_main("key,a\n1,x\n", "id,a\n")
        self.assertEqual(code, 2)
        self.assertIn("no column id", err)
