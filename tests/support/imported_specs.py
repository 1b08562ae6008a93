"""A spec as a JSON file brings it, and when it is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime

TODAY = date(2026, 6, 20)
NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
GOOD = {
    "name": "log-cutter",
    "problem": "Logs grow.",
    "solution": "Cuts them.",
    "language": "bash",
    "files": ["bin/log-cutter", "tests/test_cut.sh"],
    "estimated_lines": 120,
    "source_papers": ["arXiv:2606.01234v2"],
    "source_repos": ["someone/logs"],
    "source_url": "https://example.org/idea",
    "market_analysis": "Every server has logs.",
}


def spec(name: str, **changes: object) -> dict[str, object]:
    return {**GOOD, "name": name, **changes}
