"""Dollars of calls by the installed price table."""

from __future__ import annotations

import pytest

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.llm.prices import cost_usd, worst_case_cost


def test_plain_tokens_cost_what_the_table_says() -> None:
    assert cost_usd("claude-haiku-5-5", Usage(input_tokens=10_000, output_tokens=2_000)) == pytest.approx(
        10_000 * 0.10e-6 + 2_000 * 0.50e-6
    )
    assert cost_usd("claude-sonnet-5-5", Usage(output_tokens=1_000_000)) == pytest.approx(10)


def test_cache_reads_cost_a_tenth_and_writes_a_quarter_more() -> None:
    assert cost_usd("claude-haiku-5-5", Usage(cache_read_tokens=50_000)) == pytest.approx(50_000 * 0.01e-6)
    assert cost_usd("claude-haiku-5-5", Usage(cache_write_tokens=50_000)) == pytest.approx(50_000 * 0.125e-6)


def test_a_prompt_above_100_000_tokens_costs_five_times_as_much_on_haiku() -> None:
    below, above = (cost_usd("claude-haiku-5-5", Usage(input_tokens=n)) for n in (100_000, 100_100))
    assert above / below == pytest.approx(5, rel=0.01)


def test_a_dated_model_name_has_the_price_of_its_model() -> None:
    usage = Usage(input_tokens=1000, output_tokens=1000)
    assert cost_usd("claude-haiku-5-5-20261007", usage) == cost_usd("claude-haiku-5-5", usage)


def test_a_model_without_a_price_is_an_error_and_never_free() -> None:
    with pytest.raises(InputError, match="claude-imaginary-9") as caught:
        cost_usd("claude-imaginary-9", Usage(input_tokens=1))
    assert "genai-prices" in caught.value.fix


def test_the_worst_case_takes_all_input_as_newly_cached() -> None:
    assert worst_case_cost("claude-haiku-5-5", 10_000, 1_000) == pytest.approx(
        10_000 * 0.125e-6 + 1_000 * 0.50e-6
    )
