"""The corpus: bad builds that must be caught, and good ones that must ship, each really built."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_cases import CorpusCase, corpus
from corpus_harness import CorpusRun
from toolchains import works

from factory_assets.gates import ALL_GATES
from factory_assets.languages import LANGUAGES

CASES = corpus()


@pytest.mark.corpus
@pytest.mark.parametrize("case", CASES, ids=[f"{case.language}-{case.name}" for case in CASES])
def test_a_build_of_the_corpus_ends_as_it_has_to(
    case: CorpusCase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    tools = [name for name, look in LANGUAGES[case.language].needs if look.startswith("command -v")]
    missing = [tool for tool in ("bwrap", "git", *tools) if not works(tool)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: {case.language} {case.name}")
    record_property("corpus", "good" if case.is_good else "bad")
    run = CorpusRun(case, tmp_path)
    # The case has a home of its own; what the machine's has installed and cached serves every case.
    for name, folder in {"RUSTUP_HOME": ".rustup", "XDG_CACHE_HOME": ".cache"}.items():
        monkeypatch.setenv(name, os.environ.get(name, str(Path.home() / folder)))
    monkeypatch.setenv("HOME", str(run.home))
    monkeypatch.setenv("CORPUS_CANARY", run.canary)
    run.play()


def test_every_case_can_be_played_and_names_a_gate_that_there_is() -> None:
    places = dict.fromkeys(("home", "neighbour", "data", "trap", "marker"), "/nowhere")
    for case in CASES:
        assert case.case.because.endswith("."), case.name
        assert case.case.expect.gate in {None, *ALL_GATES}, case.name
        assert case.conversation(places).repo == case.spec.name


def test_the_corpus_has_sixty_bad_and_twelve_good_builds_over_the_five_languages() -> None:
    kinds = Counter(case.is_good for case in CASES)
    assert kinds[False] >= 60
    assert kinds[True] >= 12
    assert {case.language for case in CASES if case.is_good} == set(LANGUAGES)
    assert {case.language for case in CASES if not case.is_good} == set(LANGUAGES)
