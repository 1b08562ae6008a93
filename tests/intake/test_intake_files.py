"""Specs from JSON files: what is taken, what is refused and why, and that nothing is lost or done twice."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from imported_specs import GOOD, NOW, TODAY, spec

from factory_assets.domain.builds import BudgetLimits
from factory_assets.domain.errors import InputError
from factory_assets.domain.imports import ImportCounts
from factory_assets.domain.specs import Spec
from factory_assets.intake.folder import Intake
from factory_assets.registry import Registry


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def intake(registry):
    return Intake(store=registry.imports, day=TODAY, late_ranks=range(31, 33), now=NOW)


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_spec_is_queued_at_a_late_rank_of_the_import_date_and_its_file_is_done(registry, intake, inbox):
    put(inbox, "one.json", GOOD)
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.line == "one.json: 1 queued"
    queued = registry.queue.named("log-cutter")
    assert (queued.day, queued.rank) == (TODAY, 31)
    assert queued.spec.source_papers == ("2606.01234",)
    assert queued.spec.origin_url == "https://arxiv.org/abs/2606.01234"
    assert not (inbox / "one.json").exists()
    assert json.loads((inbox / "done" / "one.json").read_text()) == GOOD


def test_a_list_takes_the_free_ranks_and_the_rest_waits_for_the_next_date(registry, intake, inbox):
    put(inbox, "list.json", [spec("tool-a"), spec("tool-b"), spec("tool-c")])
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.line == (
        "list.json: 3 queued, 1 of them wait for a free rank (a date has ranks 31 to 32 for imports and late analyses,"
        " the last quarter of FACTORY_RANKS, which is 32; they get the free ones of the next dates, or set it higher)"
    )
    assert [registry.queue.named(name).rank for name in ("tool-a", "tool-b", "tool-c")] == [31, 32, None]
    registry.queue.place_waiting(date(2026, 6, 21), range(31, 33))
    placed = registry.queue.named("tool-c")
    assert (placed.day, placed.rank) == (date(2026, 6, 21), 31)


def test_an_import_does_not_use_up_the_ranks_of_the_days_first_analysis(registry, intake, inbox):
    put(inbox, "one.json", GOOD)
    intake.take_folder(inbox, steady_seconds=0)
    proposal = registry.queue.named("log-cutter").spec.model_copy(update={"name": "from-analysis"})
    (queued,) = registry.queue.add(
        TODAY, [proposal], [], dropped=0, ranks=range(1, 31), late_ranks=range(31, 33), now=NOW
    )
    assert queued.rank == 1


def test_the_same_file_again_changes_nothing(registry, intake, inbox):
    put(inbox, "one.json", GOOD)
    intake.take_folder(inbox, steady_seconds=0)
    put(inbox, "one.json", GOOD)
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.line == "one.json: 0 queued, 1 were here already"
    assert len(registry.queue.specs()) == 1
    assert sorted(path.name for path in (inbox / "done").iterdir()) == ["one-2.json", "one.json"]


def test_a_run_that_died_before_the_move_does_the_file_again_without_harm(registry, intake, inbox):
    path = put(inbox, "one.json", GOOD)
    intake.take_file(path)
    assert path.exists()
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.known == ("log-cutter",)
    assert (inbox / "done" / "one.json").exists()


def test_a_file_with_one_bad_spec_is_rejected_whole_with_every_reason(registry, intake, inbox):
    bad = spec("Bad Name", estimated_lines=5, language="cobol")
    put(inbox, "mixed.json", [GOOD, bad])
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert registry.queue.specs() == []
    reasons = (inbox / "rejected" / "mixed.json.reasons.txt").read_text().splitlines()
    assert [reason.split(":")[1].strip() for reason in reasons] == ["name", "language", "estimated_lines"]
    assert all(reason.startswith("Bad Name: ") for reason in reasons)
    assert report.line.startswith("mixed.json: rejected: Bad Name: name: ")
    assert (inbox / "rejected" / "mixed.json").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"name": ', "it is no JSON: Expecting value at line 1, column 10"),
        ("[]", "the list holds no spec"),
        ('"log-cutter"', "it holds neither a spec (an object) nor a list of specs"),
        (
            json.dumps({**GOOD, "source_url": "ftp://x"}),
            "log-cutter: source_url: it must be a link (https://…)",
        ),
        (json.dumps({**GOOD, "source_papers": ["no id"]}), "log-cutter: source_papers:"),
        (json.dumps([GOOD, {**GOOD, "problem": "Another."}]), "Another spec has the name log-cutter."),
        (json.dumps({**GOOD, "problem": "half of \ud800"}), "log-cutter: it holds half a character"),
        ('{"estimated_lines": ' + "9" * 5000 + "}", "it is no spec: Exceeds the limit"),
        ("[" * 100_000, "it is no spec: its JSON is nested too deeply"),
    ],
)
def test_what_cannot_be_a_spec_is_rejected_by_name(registry, intake, inbox, content, reason):
    put(inbox, "bad.json", content)
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.reasons[0].startswith(reason)
    assert registry.queue.specs() == []


def test_a_name_that_another_spec_has_is_refused_and_the_first_one_stays(registry, intake, inbox):
    put(inbox, "one.json", GOOD)
    intake.take_folder(inbox, steady_seconds=0)
    put(inbox, "two.json", {**GOOD, "problem": "Something else."})
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.reasons == ("Another spec has the name log-cutter.",)
    assert registry.queue.named("log-cutter").spec.problem == "Logs grow."


def test_an_idea_without_a_paper_needs_a_page_or_a_repository(registry, intake, inbox):
    put(inbox, "repo.json", {**GOOD, "source_papers": [], "source_url": None})
    put(inbox, "none.json", spec("from-nowhere", source_papers=[], source_url=None, source_repos=[]))
    reports = {report.path.name: report for report in intake.take_folder(inbox, steady_seconds=0)}
    assert registry.queue.named("log-cutter").spec.origin_url == "https://github.com/someone/logs"
    assert "source_papers is empty, and there is no source_url either" in reports["none.json"].reasons[0]


def test_a_file_that_is_still_being_written_is_left_for_later(intake, inbox):
    path = put(inbox, "new.json", '{"name": ')
    assert intake.take_folder(inbox) == []
    os.utime(path, (1, 1))
    assert len(intake.take_folder(inbox)) == 1


def test_a_file_that_cannot_be_read_is_rejected_and_holds_back_no_other(registry, intake, inbox, monkeypatch):
    put(inbox, "closed.json", GOOD)
    put(inbox, "open.json", GOOD)
    read = Path.read_text

    def read_text(path, *args, **kwargs):
        if path.name == "closed.json":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read_text)
    closed, opened = intake.take_folder(inbox, steady_seconds=0)
    assert closed.line == "closed.json: rejected: it cannot be read: Permission denied"
    assert opened.queued == ("log-cutter",)
    assert (inbox / "rejected" / "closed.json").exists()


def test_a_file_that_cannot_be_moved_is_told_and_holds_back_no_other(registry, intake, inbox):
    put(inbox, "done", "no folder")
    put(inbox, "one.json", GOOD)
    put(inbox, "two.json", "{")
    one, two = intake.take_folder(inbox, steady_seconds=0)
    assert one.line.startswith("one.json: 1 queued. ")
    assert "one.json: The file cannot be moved: File exists." in one.line
    assert one.is_news
    assert two.reasons
    assert (inbox / "rejected" / "two.json").exists()
    (again,) = intake.take_folder(inbox, steady_seconds=0)
    assert again.known == ("log-cutter",)
    assert not again.is_news


def test_other_files_and_folders_are_left_alone(intake, inbox):
    put(inbox, "notes.txt", "hello")
    (inbox / "folder.json").mkdir()
    assert intake.take_folder(inbox, steady_seconds=0) == []
    assert (inbox / "notes.txt").exists()


def test_a_folder_that_is_missing_is_an_error(intake, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        intake.take_folder(tmp_path / "nowhere")


def test_where_a_spec_came_from_is_kept(registry, intake, inbox):
    put(inbox, "one.json", GOOD)
    counts = intake.take_folder(inbox, steady_seconds=0)
    assert counts[0].queued == ("log-cutter",)
    with registry._database.transaction() as connection:
        row = connection.execute(
            "SELECT origin, source, source_url, CAST(source_repos AS TEXT), market_analysis FROM spec_origins"
        ).fetchone()
    assert row == ("file", "one.json", GOOD["source_url"], '["someone/logs"]', GOOD["market_analysis"])


@pytest.mark.parametrize("form", ["first-generation", "later-prompt", "fusion-cluster"])
def test_every_form_that_the_idea_engine_writes_is_taken_with_all_that_it_says(registry, intake, inbox, form):
    written = json.loads((Path(__file__).parent / "ideas" / f"{form}.json").read_text())
    put(inbox, "idea.json", written)
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.reasons == ()
    (name,) = report.queued
    spec = registry.queue.named(name).spec
    said = written | written.get("spec_json", {})
    assert spec.language == said["language"].lower()
    assert spec.estimated_lines == said["estimated_lines"]
    known = {*Spec.model_fields, "source_repos", "market_analysis", "spec_json", "status"}
    expected = {key: value for key, value in said.items() if key not in known}
    assert registry.stories.further_of([name]).get(name, {}) == expected
    assert registry.stories.of_repo(name).further == expected


def test_the_sources_of_an_idea_are_each_kept_once_in_one_form(registry, intake, inbox):
    put(inbox, "idea.json", json.loads((Path(__file__).parent / "ideas" / "later-prompt.json").read_text()))
    put(
        inbox,
        "twice.json",
        spec(
            "said-twice",
            source_papers=["2606.02002", "arXiv:2606.02002v3", "https://arxiv.org/html/2606.02002v1"],
            source_repos=[
                "someone/logs",
                "git@github.com:Someone/Logs.git",
                "https://arxiv.org/pdf/2606.02002",
            ],
            source_url="http://www.arxiv.org/abs/2606.02002/",
        ),
    )
    intake.take_folder(inbox, steady_seconds=0)
    assert registry.queue.named("evidence-ledger").spec.source_papers == ("2606.02002", "2604.00404")
    twice = registry.queue.named("said-twice").spec
    assert twice.source_papers == ("2606.02002",)
    assert twice.source_url == "https://github.com/someone/logs"
    with registry._database.transaction() as connection:
        rows = connection.execute(
            "SELECT CAST(source_repos AS TEXT) FROM spec_origins ORDER BY spec_id"
        ).fetchall()
    assert rows == [('["example-owner/cite-check","example-owner/entail"]',), ('["someone/logs"]',)]


@pytest.mark.parametrize(
    "changes",
    [
        {"source_url": "https://someone:hunter22@example.org/idea"},
        {"source_url": "https://hunter22@github.com/someone/logs"},
        {"source_url": "someone:hunter22@example.org/idea"},
        {"source_url": "https://example.org/idea?access_token=hunter22"},
        {"source_repos": ["https://x-access-token:hunter22@github.com/someone/logs.git"]},
        {"source_repos": ["ssh://git:hunter22@github.com/someone/logs.git"]},
        {"source_papers": ["https://someone:hunter22@arxiv.org/abs/2606.01234"]},
    ],
)
def test_a_link_with_a_password_is_refused_without_showing_it(registry, intake, inbox, changes):
    put(inbox, "secret.json", {**GOOD, **changes})
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.reasons
    assert all(
        reason.startswith(f"log-cutter: {next(iter(changes))}: The link holds") for reason in report.reasons
    )
    assert "hunter22" not in report.line + (inbox / "rejected" / "secret.json.reasons.txt").read_text()
    assert registry.queue.specs() == []


def test_a_spec_that_no_days_budget_covers_is_refused_with_the_settings_that_say_so(intake, inbox):
    small = replace(intake, limits=BudgetLimits(repo_usd=5.0, day_usd=15.0, phase_usd={}))
    put(inbox, "large.json", spec("large-tool", estimated_lines=4_500))
    put(inbox, "usual.json", spec("usual-tool", estimated_lines=300))
    reports = {report.path.name: report for report in small.take_folder(inbox, steady_seconds=0)}
    (reason,) = reports["large.json"].reasons
    assert "4,500 lines may take $20.00" in reason
    assert "FACTORY_DAY_BUDGET_USD is $15.00" in reason
    assert reports["usual.json"].queued == ("usual-tool",)


def test_a_name_that_no_repo_can_have_is_refused_and_one_that_only_its_code_cannot_is_taken(intake, inbox):
    put(inbox, "con.json", spec("con"))
    put(inbox, "queue.json", spec("queue", language="Python"))
    reports = {report.path.name: report for report in intake.take_folder(inbox, steady_seconds=0)}
    assert "device's name on Windows" in reports["con.json"].reasons[0]
    assert reports["queue.json"].queued == ("queue",)


def test_a_row_without_a_spec_rejects_its_file_by_name(intake, inbox):
    put(inbox, "rows.json", [{"spec_json": GOOD}, {"spec_json": None, "score": 3}])
    (report,) = intake.take_folder(inbox, steady_seconds=0)
    assert report.reasons == ("spec 2: it has no spec yet",)


def test_nothing_at_all_is_an_import_of_nothing(registry):
    assert registry.imports.queue(TODAY, [], late_ranks=range(31, 33), now=NOW) == ImportCounts((), ())


def test_a_preview_tells_what_an_import_would_do_and_touches_nothing(intake, inbox, registry):
    for number, path in enumerate((put(inbox, "good.json", GOOD), put(inbox, "bad.json", "{")), start=1):
        os.utime(path, (number, number))
    # Somebody is writing this one still.
    put(inbox, "new.json", GOOD)
    good, bad = intake.preview_folder(inbox)
    assert good == "good.json: to be queued at the next tick: log-cutter"
    assert bad.startswith("bad.json: rejected: it is no JSON")
    assert sorted(path.name for path in inbox.iterdir()) == ["bad.json", "good.json", "new.json"]
    assert registry.queue.specs() == []
    assert intake.preview_folder(inbox / "none") == []
