"""What `make record-topics` writes: what the searching peer finds for each topic that comes with the project."""

from __future__ import annotations

import json

from arxiv_grammar import fixed, parsed
from arxiv_index import PaperIndex

from factory_assets.gather.expression import query_text
from factory_assets.gather.topics import load_topics
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.arxiv_recorded import RECORDING
from factory_assets.settings import PROJECT_ROOT

TOPICS = PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml"


def recorded_topics() -> dict[str, list[str]]:
    """By each topic's query, in the file's order, the sorted ids of the sample's papers that it finds."""
    papers = load_papers()
    index = PaperIndex(papers)
    recorded: dict[str, list[str]] = {}
    for topic in load_topics(TOPICS).topics:
        query = query_text(topic.expression)
        text = fixed(query)
        assert text is not None, f"arXiv reads nothing in the query of {topic.name}"
        recorded[query] = sorted(papers[number].id for number in index.find(parsed(text)))
    return recorded


def as_file(recorded: dict[str, list[str]]) -> str:
    """JSON with one topic a line, so that a change of one shows as one."""
    lines = (f"  {json.dumps(query)}: {json.dumps(ids)}" for query, ids in recorded.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    RECORDING.write_text(as_file(recorded_topics()), encoding="utf-8")
