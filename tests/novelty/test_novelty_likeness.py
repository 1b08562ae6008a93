"""How alike a spec and a description are: the same in other words is told from the same trade."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from factory_assets.domain.novelty import Found
from factory_assets.novelty.likeness import likeness, most_alike, words_of

# A likeness from which on GitHub alone would have a spec skipped, and one from which on it is a reason for caution.
SKIPPED, CAUTION = 0.917, 0.667


class Kin(BaseModel):
    """A spec, descriptions of the same tool by others, and descriptions of tools of the same trade."""

    name: str
    problem: str
    solution: str
    same: tuple[str, ...]
    related: tuple[str, ...]


KIN = TypeAdapter(list[Kin]).validate_python(
    yaml.safe_load((Path(__file__).parent / "novelty_kin.yaml").read_text(encoding="utf-8"))
)


def figure(kin: Kin, described: str) -> float:
    name, _, about = described.partition(": ")
    return likeness(words_of(kin.name, kin.problem, kin.solution), Found(name=name, url="", about=about))


@pytest.mark.parametrize("kin", KIN, ids=lambda kin: kin.name)
def test_no_tool_of_the_same_trade_is_a_reason_for_caution(kin: Kin) -> None:
    assert [text for text in kin.related if figure(kin, text) >= CAUTION / 2] == []


def test_most_of_those_who_made_the_same_are_found() -> None:
    figures = [figure(kin, text) for kin in KIN for text in kin.same]
    assert sum(one > CAUTION / 2 for one in figures) >= 0.75 * len(figures)
    assert sum(one >= CAUTION for one in figures) >= 0.5 * len(figures)


def test_no_spec_is_taken_for_another_spec() -> None:
    figures = {
        (one.name, other.name): figure(one, f"{other.name}: {other.problem}")
        for one in KIN
        for other in KIN
        if one is not other
    }
    assert max(figures.values()) < CAUTION / 2, max(figures, key=lambda pair: figures[pair])


def test_a_spec_is_the_same_as_itself() -> None:
    assert min(figure(kin, f"{kin.name}: {kin.problem}") for kin in KIN) == 1.0


def test_a_name_alone_is_never_enough_for_a_skip() -> None:
    said = words_of("tool-call-replay", "A failing agent run cannot be repeated.", "Records tool calls.")
    for name in ("somebody/replay", "somebody/call-replay", "somebody/tool-call-replay"):
        assert likeness(said, Found(name=name, url="")) < SKIPPED


def test_hits_come_once_each_and_the_most_alike_first() -> None:
    said = words_of("byte-window", "No viewer prints a wrong byte.", "Print bytes as hexadecimal numbers.")
    near = Found(
        name="a/byte-window",
        url="https://github.com/a/byte-window",
        about="Print bytes as hexadecimal numbers",
    )
    far = Found(
        name="b/window-cleaner",
        url="https://github.com/b/window-cleaner",
        about="Cleans windows of houses in Berlin",
    )
    less = Found(
        name="c/bytes", url="https://github.com/c/bytes", about="Print bytes as numbers in many colours"
    )
    assert [hit.found for hit in most_alike(said, [less, far, near, near], most=5)] == [near, less]
    assert [hit.found for hit in most_alike(said, [less, far, near], most=1)] == [near]
