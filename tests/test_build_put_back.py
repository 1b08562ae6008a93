"""What is not an agent's business is told apart from what is."""

from __future__ import annotations

import pytest
from build_material import BASH_FILES, DOCUMENTS, tree_of

from factory_assets.build.put_back import not_its_business
from factory_assets.domain.builds import Phase

REPO = {**BASH_FILES, **DOCUMENTS, "SPEC.md": "# Spec\n", "LICENSE": "MIT\n"}


@pytest.mark.parametrize(
    ("change", "is_its_own"),
    [
        ({"README.md": "other"}, True),
        ({"docs/guide.md": "new"}, True),
        ({"guide.md": "new"}, False),
        ({"lib/count.sh": "other"}, False),
        ({"lib/new.sh": "new"}, False),
        ({"tests/data.md": "new"}, False),
        ({"SPEC.md": "other"}, False),
    ],
)
def test_the_agent_of_the_documents_may_only_write_documents(
    change: dict[str, str], is_its_own: bool
) -> None:
    touched = not_its_business(Phase.SEO, tree_of(REPO), tree_of(REPO | change))
    assert touched == ([] if is_its_own else list(change))


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.REVIEW])
def test_the_other_agents_may_change_all_but_the_factorys_own(phase: Phase) -> None:
    change = {"lib/count.sh": "other", "Makefile": "other", "LICENSE": "other", "SPEC.md": "other"}
    assert not_its_business(phase, tree_of(REPO), tree_of(REPO | change)) == ["LICENSE", "SPEC.md"]


def test_a_removed_file_and_a_changed_mode_are_changes() -> None:
    before = tree_of(REPO)
    without = {path: file for path, file in before.items() if path != "LICENSE"}
    assert not_its_business(Phase.BUILD, before, without) == ["LICENSE"]
    executable = dict(before) | tree_of({"lib/count.sh": REPO["lib/count.sh"]}, mode="100755")
    assert not_its_business(Phase.SEO, before, executable) == ["lib/count.sh"]
