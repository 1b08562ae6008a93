from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def week() -> Path:
    return HERE / "data" / "week.log"


@pytest.fixture
def golden():
    def read(name: str) -> str:
        return (HERE / "golden" / name).read_text(encoding="utf-8")

    return read
