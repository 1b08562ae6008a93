"""A builder that searches all it can reach for the scenarios that are held out from it finds none of them.

The same search finds the word of one wherever it is planted in the same sandbox.
"""

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
_WORDS = f"hidden={HELD[:3]}; hidden+={HELD[3:]}; shown={SHOWN[:3]}; shown+={SHOWN[3:]}"
# Whatever holds what was agreed is younger than the build. A registry's texts are compressed in its file, and git's in
# its objects, so that these are looked for by themselves.
SEARCH = f"""
{_WORDS}
seen=$(mktemp); young=$(mktemp)
find / -path /proc -prune -o -path /sys -prune -o -type d -name objects -printf 'repository %h\\n' \\
  -o -type f -mmin -60 ! -name {FOUND} ! -path "$seen" ! -path "$young" -printf 'young %p\\n' > "$seen" 2>/dev/null
sed -n 's/^young //p' "$seen" | tr '\\n' '\\0' > "$young"
{{
  xargs -0 grep -la "$hidden" < "$young" | sed 's/^/file /'
  tr '\\0' '\\n' < "$young" | grep '[.]gz$' | xargs -r zgrep -la "$hidden" | sed 's/^/compressed /'
  tr '\\0' '\\n' < "$young" | grep -E '[.](duckdb|sqlite|db)([.-]wal)?$' | sed 's/^/database /'
  env | grep "$hidden" | sed 's/^/variable /'
  for one in /proc/[0-9]*; do
    tr '\\0' '\\n' < "$one/environ" 2>/dev/null | grep "$hidden" | sed 's/^/environment /'
    tr '\\0' '\\n' < "$one/cmdline" 2>/dev/null | grep "$hidden" | sed 's/^/process /'
  done
  git log --all -p 2>/dev/null | grep "$hidden" | sed 's/^/history /'
  sed -n 's/^repository //p' "$seen" | while read -r repository; do
    git --git-dir "$repository" cat-file --batch-all-objects --batch 2>/dev/null |
      grep -a "$hidden" | sed "s|^|object |"
  done
  for server in "$ANTHROPIC_BASE_URL" http://127.0.0.1:3000; do
    curl -s --max-time 2 "$server/stats" "$server/v1/messages/batches" 2>/dev/null | grep "$hidden" | sed 's/^/server /'
  done
  xargs -0 grep -la "$shown" < "$young" | sed 's/^/control /'
}} > {FOUND}
rm "$seen" "$young"
echo done
"""
# The word at each of these places, outside of the workspace.
PLANT = f"""
{_WORDS}
here=$PWD; at=$(mktemp -d); cd "$at"
echo "$hidden" > plain.txt
echo "$hidden" | gzip > packed.gz
echo "$hidden" | gzip > registry.duckdb
mkdir served; echo "$hidden" > served/stats
git init -q history; cd history
git config user.name x; git config user.email x@example.org
echo "$hidden" > gone.txt; git add .; git commit -qm one; git rm -q gone.txt; git commit -qm two
cd ..; git clone -q --bare history bare.git
python3 -m http.server -d served -b 127.0.0.1 3000 > /dev/null 2>&1 & server=$!
env PLANTED="$hidden" sleep 90 & one=$!
bash -c 'sleep 90; :' "$hidden" & two=$!
export PLANTED="$hidden"
sleep 1
cd "$here"
"""
PLACES = frozenset(
    {"file", "compressed", "database", "variable", "environment", "process", "object", "server"}
)


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


def searched(tmp_path: Path, command: str) -> tuple[CorpusRun, list[str]]:
    """The build of a good repo in which the agent runs this first, and the lines of what its search has found."""
    (good,) = (each for each in corpus() if each.name == "good-column-sum")
    search = {"calls": [{"tool": "Bash", "input": {"command": command, "timeout": 120_000}}]}
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
    found = subprocess.run(
        ["git", "--git-dir", run.bare, "show", f"main:{FOUND}"], capture_output=True, text=True, check=True
    ).stdout
    assert f"control {run.data}/workspaces/column-sum/work/SPEC.md" in found.splitlines()
    return run, found.splitlines()


def test_a_builder_that_searches_everything_finds_what_it_is_shown_and_nothing_that_is_held_out(
    tmp_path: Path,
) -> None:
    run, found = searched(tmp_path, SEARCH)
    agreed = run.registry.builds.acceptance_of(run.registry.queue.named(run.case.case.spec["name"]).id)
    assert agreed is not None
    assert [HELD in held.scenario.title for held in agreed.active] == [False] * 3 + [True] * 3
    assert [line for line in found if not line.startswith("control ")] == []
    assert HELD not in "\n".join(run.lines)
    for transcript in (run.data / "transcripts").rglob("*.jsonl"):
        assert HELD not in transcript.read_text().replace(SEARCH, "")


def test_the_same_search_finds_the_word_wherever_it_is_planted(tmp_path: Path) -> None:
    end = 'kill "$server" "$one" "$two"; rm -rf "$at"\n'
    _, found = searched(tmp_path, PLANT + SEARCH + end)
    assert {line.partition(" ")[0] for line in found} - {"control"} == PLACES
