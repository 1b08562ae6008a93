"""Prints what the files that are given import."""

import sys
from pathlib import Path

from python_import_lister.lister import imports_of

for name in sys.argv[1:]:
    print(name, *imports_of(Path(name)))
