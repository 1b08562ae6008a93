"""The bench of researched specs: both ways give specs, and the table says what one costs against the other."""

from __future__ import annotations

from bench import bench_ideas


def test_each_row_tells_the_cost_of_a_spec_against_a_plain_one() -> None:
    rows = [line.strip("| ").split(" | ") for line in bench_ideas.run().splitlines() if line.startswith("| ")]
    against = {name: float(times) for name, _, _, _, times in rows[1:]}
    assert against["plain"] == 1.0
    whole = against["researched, 100% of candidates give one"]
    assert 1 < whole < against["researched, 50% of candidates give one"]
    assert whole < against["researched, each asked again"]
