"""Looking a spec up in catalogues on loopback that are as strict as the real ones."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from memory_registry import rows
from novelty_world import BYTES, PAPER, World, of, world
from registry_samples import paper, spec

from factory_assets.domain.errors import MissingToolError
from factory_assets.domain.novelty import Found, NoveltySource, NoveltyVerdict
from factory_assets.novelty.catalogues import Npm
from factory_assets.novelty.questions import github_searches, key_terms, npm_text, pypi_names
from factory_assets.replay.recordings_model import Existing, RecordedPackage, RecordedRepository

SAME = "Print a window of the bytes of a file as hexadecimal numbers"
LONG = spec("-".join(["longish"] * 6), problem="word " * 300, solution="sentence " * 300)


def repository(full_name: str, description: str | None = SAME, **more: Any) -> RecordedRepository:
    return RecordedRepository(full_name=full_name, description=description, **more)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def full(tmp_path: Path) -> Iterator[World]:
    existing = Existing(
        github=(
            repository("someone/byte-window", stars=7),
            repository("someone/else", "Cleans windows"),
            repository("another/dump", "Show hexadecimal numbers", readme="After arXiv 2606.01234."),
        ),
        npm=(RecordedPackage(name="byte-window", description=SAME), RecordedPackage(name="left-pad")),
        pypi=(RecordedPackage(name="Byte_Window", description=SAME),),
    )
    with world(tmp_path, existing) as made:
        yield made


def test_a_spec_that_nobody_has_made_proceeds_with_nothing_found(empty: World) -> None:
    novelty = empty.look_up(BYTES, [PAPER])
    assert (novelty.verdict, novelty.score, novelty.evidence, novelty.missing) == (
        NoveltyVerdict.PROCEED,
        1.0,
        (),
        {},
    )


def test_what_is_on_all_of_them_is_skipped_with_links_to_each(full: World) -> None:
    novelty = full.look_up(BYTES, [PAPER])
    assert novelty.verdict is NoveltyVerdict.SKIP
    assert novelty.score < 0.1
    best = {source: hit.found.url for source, hit in reversed(novelty.evidence)}
    assert best == {
        NoveltySource.GITHUB: "https://github.com/someone/byte-window",
        NoveltySource.NPM: "https://www.npmjs.com/package/byte-window",
        NoveltySource.PYPI: "https://pypi.org/project/Byte_Window/",
    }


def test_a_repository_that_names_the_paper_is_found_by_it(full: World) -> None:
    full.look_up(BYTES, [PAPER])
    searched = [parse_qs(urlsplit(path).query)["q"][0] for path in full.asked if "/search/" in path]
    assert '"2606.01234" in:description,readme' in searched
    assert "another/dump" in {
        hit.found.name for hit in of(full.look_up(BYTES, [PAPER]), NoveltySource.GITHUB).hits
    }


@pytest.mark.parametrize(
    "text",
    [
        "Our code is at https://github.com/lab/bytes.",
        "Code: github.com/lab/bytes",
        "See (https://www.github.com/lab/bytes/tree/main/src), and our page https://lab.github.io.",
        "https://github.com/lab/bytes.git, https://github.com/lab/bytes",
    ],
)
@pytest.mark.parametrize("place", ["abstract", "comment"])
def test_code_that_the_abstract_or_the_comment_names_is_a_caution(
    empty: World, text: str, place: str
) -> None:
    novelty = empty.look_up(BYTES, [paper(**{place: text})])
    (hit,) = of(novelty, NoveltySource.PAPER).hits
    assert (hit.found.name, hit.found.url) == ("lab/bytes", "https://github.com/lab/bytes")
    assert novelty.verdict is NoveltyVerdict.CAUTION


@pytest.mark.parametrize(
    "text",
    [
        "A model is at https://huggingface.co/lab/bytes.",
        "https://github.com/lab",
        "https://github.com/topics/llm and http://[broken",
        "https://user:secret@github.com/lab/bytes",
        "notgithub.com/lab/bytes",
    ],
)
def test_links_that_lead_to_no_repository_are_no_code(empty: World, text: str) -> None:
    assert of(empty.look_up(BYTES, [paper(abstract=text)]), NoveltySource.PAPER).hits == ()


def test_code_that_only_the_papers_page_names_is_a_caution(tmp_path: Path) -> None:
    existing = Existing(papers={"2606.01234": "https://github.com/lab/bytes", "2606.09999": None})
    with world(tmp_path, existing) as made:
        novelty = made.look_up(BYTES, [PAPER, paper("2606.09999")])
        (hit,) = of(novelty, NoveltySource.PAPER_PAGE).hits
        assert (hit.found.url, novelty.verdict) == ("https://github.com/lab/bytes", NoveltyVerdict.CAUTION)


def test_an_imported_spec_without_a_paper_is_looked_up_without_one(empty: World) -> None:
    imported = spec("byte-window", source_papers=(), source_url="https://example.com/idea")
    novelty = empty.look_up(imported)
    assert novelty.verdict is NoveltyVerdict.PROCEED
    assert {lookup.source for lookup in novelty.lookups} == {
        NoveltySource.FACTORY,
        NoveltySource.GITHUB,
        NoveltySource.NPM,
        NoveltySource.PYPI,
    }


def test_the_factorys_own_repo_of_the_same_kind_is_a_duplicate(empty: World) -> None:
    own = Found(name="hex-window", url="https://github.com/us/hex-window", about=SAME)
    novelty = empty.look_up(BYTES, [PAPER], [own])
    assert of(novelty, NoveltySource.FACTORY).hits[0].found == own
    assert novelty.verdict is NoveltyVerdict.SKIP


@pytest.mark.parametrize(
    ("name", "source", "verdict"),
    [
        ("github", NoveltySource.GITHUB, NoveltyVerdict.NOT_LOOKED_UP),
        ("npm", NoveltySource.NPM, NoveltyVerdict.PROCEED),
        ("pypi", NoveltySource.PYPI, NoveltyVerdict.PROCEED),
        ("papers", NoveltySource.PAPER_PAGE, NoveltyVerdict.NOT_LOOKED_UP),
    ],
)
def test_a_service_that_fails_is_not_looked_up_and_asked_again_later(
    empty: World, name: str, source: NoveltySource, verdict: NoveltyVerdict
) -> None:
    empty.server.catalogues.out_of_order = {name}
    novelty = empty.look_up(BYTES, [PAPER])
    assert set(novelty.missing) == {source}
    assert "503" in novelty.missing[source]
    assert novelty.verdict is verdict
    empty.server.catalogues.out_of_order = set()
    asked = len(empty.asked)
    again = empty.look_up(BYTES, [PAPER])
    assert (again.verdict, again.missing) == (NoveltyVerdict.PROCEED, {})
    # The others had answered, and are not asked the same twice.
    assert len(empty.asked) - asked <= 5


def test_without_a_network_nothing_is_looked_up_and_each_service_is_tried_once(empty: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        catalogues = empty.catalogues(nobody)
        first = empty.look_up(BYTES, [PAPER], catalogues=catalogues)
        assert first.verdict is NoveltyVerdict.NOT_LOOKED_UP
        assert set(first.missing) == {
            NoveltySource.PAPER_PAGE,
            NoveltySource.GITHUB,
            NoveltySource.NPM,
            NoveltySource.PYPI,
        }
        assert all("cannot be reached" in why for why in first.missing.values())
    # Now somebody would answer there; this run has given it up.
    again = empty.look_up(spec("another-tool"), [PAPER], catalogues=catalogues)
    assert set(again.missing) == set(first.missing)


def test_evidence_of_before_a_failure_still_speaks_against_the_spec(full: World) -> None:
    novelty = full.look_up(BYTES, [PAPER])
    assert rows(
        full.registry, "DELETE FROM novelty_answers WHERE question LIKE '%readme%' RETURNING question"
    )
    full.server.catalogues.out_of_order = {"github"}
    partly = full.look_up(BYTES, [PAPER])
    assert NoveltySource.GITHUB in partly.missing
    assert partly.verdict is novelty.verdict is NoveltyVerdict.SKIP


def test_answers_are_kept_for_a_week_and_then_asked_for_again(full: World) -> None:
    first = full.look_up(BYTES, [PAPER])
    asked = len(full.asked)
    full.now += timedelta(days=6)
    assert full.look_up(BYTES, [PAPER]).evidence == first.evidence
    assert len(full.asked) == asked
    full.now += timedelta(days=2)
    full.look_up(BYTES, [PAPER])
    assert len(full.asked) == 2 * asked


def test_a_search_limit_that_ends_soon_is_waited_for(empty: World) -> None:
    empty.token = None
    for number in range(9):
        empty.look_up(spec(f"tool-number{number}", problem=f"Word{number} is rare."), [PAPER])
    assert empty.slept
    assert max(empty.slept) <= 71


def test_a_limit_that_does_not_end_soon_leaves_the_service_alone_for_the_rest_of_the_run(
    tmp_path: Path,
) -> None:
    with (
        scripted(403, {"retry-after": "3600"}, b'{"message": "secondary rate limit"}') as (url, asked),
        world(tmp_path) as made,
    ):
        catalogues = [made.catalogues(url)[1]]
        for number in range(3):
            novelty = made.look_up(spec(f"tool-number{number}"), [PAPER], catalogues=catalogues)
            assert "secondary rate limit" in novelty.missing[NoveltySource.GITHUB]
        assert len(asked) == 1
        assert made.slept == []


def test_a_token_that_github_refuses_is_told_and_asked_with_once(empty: World) -> None:
    empty.token = "ghp_expired"
    catalogues = empty.catalogues()
    for name in ("byte-window", "byte-door"):
        novelty = empty.look_up(spec(name), [PAPER], catalogues=catalogues)
        assert "Bad credentials" in novelty.missing[NoveltySource.GITHUB]
        assert "ghp_expired" not in str(novelty.missing)
    assert sum("/search/" in path for path in empty.asked) == 1


def test_github_is_asked_without_a_token_too(full: World) -> None:
    full.token = None
    assert of(full.look_up(BYTES, [PAPER]), NoveltySource.GITHUB).hits


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>a login page</html>", "malformed"),
        (b'{"total_count": 0, "items": []}', "malformed"),
        (b'{"total_count": 9, "incomplete_results": true, "items": []}', "broke the search off"),
        (b'[1, "two"]', "malformed"),
    ],
)
def test_an_answer_that_is_none_is_no_pass(tmp_path: Path, body: bytes, said: str) -> None:
    with scripted(200, {}, body) as (url, _), world(tmp_path) as made:
        novelty = made.look_up(BYTES, [PAPER], catalogues=[made.catalogues(url)[1]])
        assert said in novelty.missing[NoveltySource.GITHUB]
        assert novelty.verdict is NoveltyVerdict.NOT_LOOKED_UP


def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    with scripted(200, {}, b" " * (17 << 20)) as (url, _), world(tmp_path) as made:
        novelty = made.look_up(BYTES, [PAPER], catalogues=[made.catalogues(url)[2]])
        assert "longer than 16 MB" in novelty.missing[NoveltySource.NPM]


def test_an_index_that_does_not_describe_packages_is_not_looked_up(tmp_path: Path) -> None:
    with scripted(404, {}, b"") as (url, _), world(tmp_path) as made:
        novelty = made.look_up(BYTES, [PAPER], catalogues=[made.catalogues(url)[3]])
        assert "does not describe packages" in novelty.missing[NoveltySource.PYPI]


def test_a_registry_that_is_not_known_is_not_looked_up(empty: World) -> None:
    def no_npm() -> str:
        raise MissingToolError("npm is not installed.", fix="Set FACTORY_NPM_URL.")

    service = next(item.service for item in empty.catalogues() if isinstance(item, Npm))
    novelty = empty.look_up(BYTES, [PAPER], catalogues=[Npm(service, no_npm)])
    assert "npm is not installed" in novelty.missing[NoveltySource.NPM]


def test_hostile_descriptions_and_links_are_shown_as_harmless_text(tmp_path: Path) -> None:
    body = (
        b'{"total_count": 2, "incomplete_results": false, "items": ['
        b'{"full_name": "x/byte-window", "html_url": "javascript:alert(1)", "description": "bytes"},'
        b'{"full_name": "x/bytes\\u202e", "html_url": "https://github.com/x/bytes",'
        b' "description": "Print a window of bytes\\n\\n# of a file\\u0000 as hexadecimal numbers"}]}'
    )
    with scripted(200, {}, body) as (url, _), world(tmp_path) as made:
        novelty = made.look_up(BYTES, [PAPER], catalogues=[made.catalogues(url)[1]])
        (hit,) = of(novelty, NoveltySource.GITHUB).hits
        assert hit.found == Found(
            name="x/bytes",
            url="https://github.com/x/bytes",
            about="Print a window of bytes # of a file as hexadecimal numbers",
        )


@pytest.mark.parametrize("wanted", [BYTES, LONG, spec("abc", problem="日本語", solution="…")])
def test_no_question_is_longer_than_a_service_takes(empty: World, wanted: Any) -> None:
    novelty = empty.look_up(wanted, [PAPER])
    assert novelty.missing == {}


def test_searches_are_few_and_by_name_subject_and_paper() -> None:
    drafts = spec(
        "draft-budget",
        problem="Operators of speculative decoding set the draft length by guess, and pay for tokens.",
        solution="Reads tokens drafted and accepted, and prints the length with the highest speed-up.",
    )
    title = paper(title="Speculative decoding with a budget of drafts")
    assert key_terms(drafts, (title,)) == ("speculative", "decoding")
    assert list(github_searches(drafts, (title,))) == [
        "draft budget in:name,description",
        "speculative decoding in:name,description",
        '"2606.01234" in:description,readme',
    ]
    assert npm_text(drafts, (title,)) == "draft budget speculative decoding"
    assert pypi_names(drafts, (title,)) == (
        "draft-budget",
        "draftbudget",
        "budget-draft",
        "speculative-decoding",
    )


@contextmanager
def scripted(status: int, headers: dict[str, str], body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything so."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                return

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
