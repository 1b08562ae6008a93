"""Which programs of this machine work."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache


@cache
def works(program: str) -> bool:
    """Whether it starts: rustup's `cargo` stands on PATH also where no toolchain is chosen for this HOME."""
    if shutil.which(program) is None:
        return False
    version = "version" if program == "go" else "--version"
    return subprocess.run([program, version], capture_output=True, check=False).returncode == 0
