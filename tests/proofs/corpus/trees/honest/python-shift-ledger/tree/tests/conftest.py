import pytest

from shift_ledger.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "shifts.db")
