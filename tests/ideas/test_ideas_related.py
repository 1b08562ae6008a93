"""Related papers: which seven, by which weight, and one that competes among them."""

from __future__ import annotations

from research_world import PAPER, SCORING, cited, record, similar

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.research import CitationDirection, CitedPaper, Piece, SimilarPaper
from factory_assets.ideas.related import own_piece, related_pieces

BY, OF = CitationDirection.CITED_BY, CitationDirection.REFERENCES


def pieces(
    near: list[SimilarPaper],
    cited_papers: dict[CitationDirection, list[CitedPaper]] | None = None,
    held: tuple[ArchiveRecord, ...] = (),
) -> tuple[Piece, ...]:
    records = {one.arxiv_id: one for one in held}
    return related_pieces(PAPER, near, cited_papers or {}, records, SCORING.disagreeing)


def many(count: int) -> list[ArchiveRecord]:
    return [record(f"2606.1000{number}") for number in range(count)]


def test_weights_are_by_place_for_similar_ones_and_fixed_for_citations() -> None:
    citing, named = record("2606.20001"), record("2606.30001")
    found = pieces(similar(*many(3)), {BY: cited("2606.20001"), OF: cited("2606.30001")}, (citing, named))
    assert [(one.id, one.arxiv_id, one.weight) for one in found] == [
        ("P1", "2606.10000", 1.0),
        ("P2", "2606.10001", 0.95),
        ("P3", "2606.10002", 0.9),
        ("P4", "2606.20001", 0.9),
        ("P5", "2606.30001", 0.8),
    ]
    assert [one.relation for one in found] == [
        "similar (0.90)",
        "similar (0.89)",
        "similar (0.88)",
        "cited by",
        "references",
    ]
    assert found[3].text == "The abstract of 2606.20001."
    assert {one.licence for one in found} == {"CC0-1.0"}
    assert found[3].url == "https://arxiv.org/abs/2606.20001"


def test_seven_are_taken_and_a_paper_found_twice_counts_once_with_both_relations() -> None:
    near = similar(*many(9))
    found = pieces(
        near, {OF: cited("2606.10008", "2606.10001")}, (record("2606.10008"), record("2606.10001"))
    )
    assert [one.arxiv_id[-1] for one in found if one.arxiv_id] == ["0", "1", "2", "3", "4", "8", "5"]
    assert found[1].relation == "similar (0.89), references"
    assert (found[5].relation, found[5].weight) == ("similar (0.82), references", 0.8)


def test_the_candidate_is_not_related_to_itself_and_deleted_papers_are_left_out() -> None:
    near = similar(record(PAPER.arxiv_id), record("2606.10001", deleted=True), record("2606.10002"))
    assert [one.arxiv_id for one in pieces(near, {OF: cited(PAPER.arxiv_id)})] == ["2606.10002"]


def test_a_paper_whose_abstract_is_not_held_counts_half() -> None:
    (found,) = pieces([], {BY: cited("2606.20001")})
    assert (found.title, found.text, found.weight) == ("Title of 2606.20001", "", 0.45)


def test_a_paper_that_disagrees_takes_the_last_place_where_none_of_the_seven_does() -> None:
    others = many(8)
    against = record("2606.40000", "Caching revisited", abstract="It fails on long prompts. It outperforms.")
    found = pieces(similar(*others, against))
    assert [one.arxiv_id for one in found] == [*(one.arxiv_id for one in others[:6]), "2606.40000"]
    assert found[-1].relation == 'similar (0.82), competes: says "fails"'


def test_where_one_of_the_seven_competes_nobody_loses_a_place() -> None:
    others = many(6)
    early = record("2606.40000", abstract="Our method outperforms prefix caching by 3%.")
    late = record("2606.50000", abstract="We show that caching of this kind does not help.")
    found = pieces(similar(early, *others, late))
    assert [one.arxiv_id for one in found] == ["2606.40000", *(one.arxiv_id for one in others)]
    assert found[0].relation == 'similar (0.90), competes: says "outperforms"'


def test_what_is_shown_not_to_hold_is_disagreement_too() -> None:
    (found,) = pieces(
        similar(record("2606.1", abstract="We show that such probes do not find what is held."))
    )
    assert 'competes: says "We show that such probes do not"' in found.relation


def test_others_at_the_same_task_compete_by_the_words_of_their_titles() -> None:
    (found,) = pieces(similar(record("2606.10000", "A probe of prefix cache servers")))
    assert (
        found.relation
        == "similar (0.90), competes: others at the same task: caches, prefix, probing, servers"
    )
    for title in ("Prefix servers", "Of language models: a study of a model via prefix learning"):
        (other,) = pieces(similar(record("2606.10000", title)))
        assert "competes" not in other.relation


def test_the_same_authors_do_not_compete_with_themselves() -> None:
    same = record("2606.10000", "Probing prefix caches", abstract="It outperforms.", authors=("ada  PROBE",))
    (found,) = pieces(similar(same))
    assert "competes" not in found.relation


def test_the_candidate_is_a_piece_and_hidden_characters_of_abstracts_are_taken_out() -> None:
    own = own_piece(PAPER.model_copy(update={"abstract": "Read\u200b this.\u202e", "title": "A\u2028title"}))
    assert (own.id, own.text, own.title, own.url) == ("C1", "Read this.", "A title", PAPER.url)
    (found,) = pieces(similar(record("2606.10000", abstract="a\u2066b" + "c" * 9_000)))
    assert found.text.startswith("abc")
    assert len(found.text) == 4_000


def test_nothing_around_a_paper_is_no_piece() -> None:
    assert pieces([]) == ()
