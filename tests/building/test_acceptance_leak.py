"""A builder that searches all it can reach for the scenarios that are held out from it finds none of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from acceptance_fakes import CONTRACT
from corpus_cases import Case, corpus
from corpus_harness import CorpusRun

from factory_assets.domain.acceptance import Expectation, Form, Scenario, ScenarioFile
from factory_assets.replay.recordings_model import Agreement, RecordedScenario

pytestmark = pytest.mark.end_to_end

SHOWN, HELD = "plover", "quetzal"
FOUND = "found.txt"
# The words are put together while it runs, so that what is searched does not hold them because of this very command.
# Whatever holds what was agreed is younger than the build.
SEARCH = f"""
hidden={HELD[:3]}; hidden+={HELD[3:]}; shown={SHOWN[:3]}; shown+={SHOWN[3:]}
young() {{ find / -path /proc -prune -o -path /sys -prune -o -type f -mmin -60 ! -name {FOUND} -print0 2>/dev/null; }}
{{
  young | xargs -0 grep -la "$hidden" | sed 's/^/file /'
  env | grep "$hidden" | sed 's/^/variable /'
  cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep "$hidden" | sed 's/^/process /'
  git log --all -p 2>/dev/null | grep "$hidden" | sed 's/^/history /'
  for server in "$ANTHROPIC_BASE_URL" http://127.0.0.1:3000; do
    curl -s --max-time 2 "$server/stats" "$server/v1/messages/batches" 2>/dev/null | grep "$hidden" | sed 's/^/server /'
  done
  young | xargs -0 grep -la "$shown" | sed 's/^/control /'
}} > {FOUND}
echo done
"""


def sums(word: str, number: int) -> RecordedScenario:
    """A file of one column, whose name is all that is known of it elsewhere."""
    return RecordedScenario(
        scenario=Scenario(
            title=f"The {word} sum number {number}",
            behaviour="For a column of numbers the contract asks for their sum.",
            arguments=("1", f"{word}.csv"),
            snippet="",
            stdin="",
            files=(ScenarioFile(path=f"{word}.csv", text=f"{number}\n{number}\n"),),
            exit_code=0,
            expects=(Expectation(of="stdout", form=Form.EXACT, value=str(2 * number), tolerance=0),),
        )
    )


def test_a_builder_that_searches_everything_finds_what_it_is_shown_and_nothing_that_is_held_out(
    tmp_path: Path,
) -> None:
    (good,) = (each for each in corpus() if each.name == "good-column-sum")
    search = {"calls": [{"tool": "Bash", "input": {"command": SEARCH, "timeout": 120_000}}]}
    case: Case = good.case.model_copy(
        update={
            "build": good.case.build.model_copy(update={"first": (search,)}),
            "acceptance": Agreement(
                contract=CONTRACT,
                scenarios=(*(sums(SHOWN, n) for n in (1, 2, 3)), *(sums(HELD, n) for n in (4, 5, 6))),
            ),
        }
    )
    run = CorpusRun(good.model_copy(update={"case": case}), tmp_path)
    run.play()
    agreed = run.registry.builds.acceptance_of(run.registry.queue.named(case.spec["name"]).id)
    assert agreed is not None
    assert [HELD in held.scenario.title for held in agreed.active] == [False] * 3 + [True] * 3
    found = subprocess.run(
        ["git", "--git-dir", run.bare, "show", f"main:{FOUND}"], capture_output=True, text=True, check=True
    ).stdout
    assert f"control {run.data}/workspaces/column-sum/work/SPEC.md" in found.splitlines()
    assert all(line.startswith("control ") for line in found.splitlines()), found
    assert HELD not in "\n".join(run.lines)
    for transcript in (run.data / "transcripts").rglob("*.jsonl"):
        assert HELD not in transcript.read_text().replace(SEARCH, "")
