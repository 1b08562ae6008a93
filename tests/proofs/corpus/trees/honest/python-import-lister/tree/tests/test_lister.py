import subprocess
import sys
from pathlib import Path

from python_import_lister.lister import imports_of

FIXTURES = Path(__file__).parent / "fixtures"


def test_both_kinds_of_import_are_listed():
    assert imports_of(FIXTURES / "app.py") == ["flask", "sqlalchemy"]


def test_the_standard_library_is_listed_too():
    assert imports_of(FIXTURES / "plain.py") == ["os"]


def test_the_command_lists_each_file():
    plain = FIXTURES / "plain.py"
    said = subprocess.run([sys.executable, "-m", "python_import_lister", str(plain)], capture_output=True, text=True)
    assert said.stdout == f"{plain} os\n"


def test_a_file_without_imports(tmp_path):
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    assert imports_of(empty) == []
