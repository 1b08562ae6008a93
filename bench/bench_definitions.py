"""Import of the definitions, against `import dagster` alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.verdict import verdict

TARGET = 1.0
_TIMES = 7
_DAGSTER = "import dagster"
_DEFINITIONS = "import factory_assets.definitions"


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    return time.perf_counter() - started


def run() -> str:
    """The two imports in turn, as whole processes; medians."""
    for code in (_DAGSTER, _DEFINITIONS):
        _seconds(code)
    pairs = [(_seconds(_DAGSTER), _seconds(_DEFINITIONS)) for _ in range(_TIMES)]
    alone = statistics.median(pair[0] for pair in pairs)
    whole = statistics.median(pair[1] for pair in pairs)
    return "\n".join(
        [
            "## Import of the definitions",
            "",
            f"Medians of {_TIMES} pairs of whole processes.",
            "",
            "| `import dagster` | `import factory_assets.definitions` | beyond it |",
            "|---:|---:|---:|",
            f"| {alone:.2f} s | {whole:.2f} s | {whole - alone:.2f} s |",
            "",
            verdict(
                f"at most {TARGET:g} s beyond it",
                ["the definitions"] if whole - alone > TARGET else [],
            ),
        ]
    )


if __name__ == "__main__":
    print(run())
