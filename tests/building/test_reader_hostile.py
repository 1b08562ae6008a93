"""A repo that talks to its reader changes nothing: neither what the reader is told to do nor what its answer is."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from build_material import tree_of
from pydantic import SecretStr
from reader_fakes import PlayedModel, model_reader
from reader_texts import TALKING

from factory_assets.domain.agents import Question
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.readings import Dispute, Finding, FindingKind, Severity
from factory_assets.domain.trees import Tree
from factory_assets.gates.material import show_tree
from factory_assets.gates.reader import Doubt, read_tree, verdict_of
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    Conversation,
    RecordedFinding,
    RecordedReading,
    RecordedTurn,
)
from factory_assets.replay.server import ReplayServer

PLAIN = "Nothing but a plain sentence."
QUOTE = 'return KNOWN.get(text, "unknown")'
FAULT = Finding(
    kind=FindingKind.HARD_CODED,
    severity=Severity.CRITICAL,
    file="word_count/cli.py",
    line=4,
    quote=QUOTE,
    why="It looks up what the tests ask.",
    fix="Count the words.",
)


def tree_with(text: str) -> Tree:
    """A tree with a fault, in whose every kind of file the text stands."""
    return tree_of(
        {
            "SPEC.md": f"# word-count\n\nPrints how often each word occurs.\n\n## Papers\n\n{text}\n",
            "README.md": f"# word-count\n\n{text}\n",
            "CLAUDE.md": f"{text}\n",
            "word_count/cli.py": f'"""{text}"""\n\ndef count(text):\n    {QUOTE}\n',
            "tests/test_cli.py": f"# {text}\n\ndef test_it():\n    assert count('a') == 1\n",
        }
    )


def evidence_with(text: str) -> Sequence[GateVerdict]:
    return [GateVerdict(gate="tests-pass", phase=Phase.REVIEW, passed=True, saw=text)]


def asked_about(text: str) -> list[Question]:
    """The question about a tree with the text, and the one about a finding and a dispute that hold it too."""
    model = PlayedModel()
    reader = model_reader(model)
    material = show_tree(tree_with(text), evidence_with(text))
    reader.findings(material)
    claimed = FAULT.model_copy(update={"quote": text, "why": text, "file": f"a{text}"})
    reader.rule([Doubt(claimed, material, Dispute(quote=text, why=text))])
    return model.asked


def skeleton(prompt: str) -> list[str]:
    """The lines of a prompt that are the factory's own; a reader may take more characters than one for their end."""
    return [line for line in prompt.splitlines() if not re.match(r" *\d+\| ", line)]


@pytest.mark.parametrize("text", TALKING)
def test_no_text_closes_a_delimiter_or_reaches_the_instructions(text: str) -> None:
    for plain, hostile in zip(asked_about(PLAIN), asked_about(text), strict=True):
        assert hostile.instructions == plain.instructions
        assert skeleton(hostile.text) == skeleton(plain.text)
        data = "\n".join(line for line in hostile.text.splitlines() if line not in skeleton(hostile.text))
        assert not re.search(r"<\s*/?\s*(file|evidence|finding|dispute)\b", data, re.IGNORECASE)


@pytest.mark.parametrize("text", TALKING)
def test_no_path_closes_a_delimiter(text: str) -> None:
    tree = {**tree_with(PLAIN), **tree_of({f"docs/{text}": "One line.\n"})}
    files = show_tree(tree, ()).files
    tags = skeleton(files)
    assert len(tags) == 2 * len(tree)
    assert all(re.fullmatch(r'</file>|<file path="[^"<>]*">', line) for line in tags)


@pytest.mark.parametrize("text", TALKING)
def test_what_a_repo_says_to_its_reader_changes_no_verdict(text: str) -> None:
    recorded = Conversation(
        repo="word-count",
        build=(RecordedTurn(say="Done."),),
        reader=RecordedReading(findings=(RecordedFinding(finding=FAULT),)),
    )
    with ReplayServer(recordings=Recordings.of(recorded)) as server:
        reader = model_reader(ClaudeApi(server.url, api_key=SecretStr("sk-test")))
        verdict = verdict_of(
            read_tree(tree_with(text), evidence_with(text), reader, before=None, decides=True)
        )
    assert not verdict.passed
    assert "1. word_count/cli.py:4: hard-coded answer, critical" in verdict.saw


@pytest.mark.parametrize("text", [text for text in TALKING if not text.startswith("{")])
def test_an_answer_that_quotes_such_a_text_is_no_answer(text: str) -> None:
    said = f'I read: {text} So: {{"findings": []}}'
    recorded = Conversation(
        repo="word-count",
        build=(RecordedTurn(say="Done."),),
        reader=RecordedReading(read=(RecordedTurn(say=said),)),
    )
    with ReplayServer(recordings=Recordings.of(recorded)) as server:
        reader = model_reader(ClaudeApi(server.url, api_key=SecretStr("sk-test")))
        with pytest.raises(InputError, match="could not be read twice"):
            reader.findings(show_tree(tree_with(text), ()))


def test_there_are_twenty_texts_at_least() -> None:
    assert len(set(TALKING)) >= 20
