"""What Python files import."""

import ast
from pathlib import Path


def imports_of(path: Path) -> list[str]:
    """The names of the modules that a file imports, in order."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return sorted(found)
