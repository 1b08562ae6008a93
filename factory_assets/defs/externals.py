"""The two ends of the graph: arXiv and GitHub, which the factory reads and writes but does not make."""

from __future__ import annotations

import dagster as dg

ARXIV = dg.AssetKey("arxiv_api")
GITHUB = dg.AssetKey("github")
ARXIV_OAI = dg.AssetKey("arxiv_oai")
ARXIV_RECORDS = dg.AssetKey("arxiv_records")
PAPERS = dg.AssetKey("papers")
CANDIDATES = dg.AssetKey("candidates")
RESEARCH_CONTEXTS = dg.AssetKey("research_contexts")
SPECS = dg.AssetKey("specs")
BUILT_REPOS = dg.AssetKey("built_repos")
MIRRORED_REPOS = dg.AssetKey("mirrored_repos")
FACTORY_DAYS = dg.AssetKey("factory_days")
# One group from papers to repos, whose stages are tags: the lineage page shows the nodes of one group, and
# closed boxes of the others.
GROUP = "factory"
# What is of use to more than the stages has a box of its own.
ARCHIVE_GROUP = "archive"
IDEAS_GROUP = "ideas"


def build_externals(*, arxiv: str, oai: str, mirror: str, owner: str) -> list[dg.AssetSpec]:
    """External assets for arXiv and for wherever shipped repos go."""
    return [
        dg.AssetSpec(
            ARXIV,
            description=f"arXiv's query API: {arxiv}. Setting: FACTORY_ARXIV_URL.",
            group_name=GROUP,
            kinds={"arxiv"},
            owners=[owner],
            tags={"stage": "gather"},
            metadata={"terms of use": dg.MetadataValue.url("https://info.arxiv.org/help/api/tou.html")},
        ),
        dg.AssetSpec(
            ARXIV_OAI,
            description=f"arXiv's list of changed records: {oai}. Settings: FACTORY_OAI_URL, FACTORY_OAI_SETS.",
            group_name=ARCHIVE_GROUP,
            kinds={"arxiv"},
            owners=[owner],
            tags={"stage": "gather"},
            metadata={"what it is": dg.MetadataValue.url("https://info.arxiv.org/help/oa/index.html")},
        ),
        dg.AssetSpec(
            GITHUB,
            deps=[MIRRORED_REPOS],
            description=(
                f"Where shipped repos are published: {mirror}. Settings: GITHUB_TOKEN and GITHUB_USER, or"
                " FACTORY_MIRROR_DIR for a folder."
            ),
            group_name=GROUP,
            kinds={"github"},
            owners=[owner],
            tags={"stage": "mirror"},
        ),
    ]
