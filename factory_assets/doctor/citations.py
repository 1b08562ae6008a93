"""The check of where citations come from. Secrets go in headers only."""

from __future__ import annotations

import httpx

from factory_assets.doctor.result import CheckResult, DoctorInputs, passed, warning
from factory_assets.doctor.services import answer_of

_NAME = "citations"
_AFFECTS = "what is known of papers' citations"
# A paper that Semantic Scholar surely knows.
_PAPER = "/graph/v1/paper/ARXIV:1706.03762"


def check_citations(inputs: DoctorInputs) -> CheckResult:
    """Whether the source that is asked for citations takes its key, if it has one."""
    if not inputs.live:
        return passed(_NAME, "a replay instance plays them")
    if inputs.openalex_key is not None:
        place = f"{inputs.openalex_url.rstrip('/')}/rate-limit"
        return _judged(
            "OpenAlex", "OPENALEX_API_KEY", inputs.openalex_url, answer_of(place, inputs.openalex_key, {}, {})
        )
    if inputs.semantic_scholar_key is not None:
        place = f"{inputs.semantic_scholar_url.rstrip('/')}{_PAPER}"
        signed = {"x-api-key": inputs.semantic_scholar_key.get_secret_value()}
        answer = answer_of(place, None, signed, {"fields": "title"})
        return _judged("Semantic Scholar", "SEMANTIC_SCHOLAR_API_KEY", inputs.semantic_scholar_url, answer)
    return passed(
        _NAME,
        "no key is set: Semantic Scholar without one is slow, and often refuses (OPENALEX_API_KEY is free)",
    )


def _judged(name: str, setting: str, url: str, answer: httpx.Response | str) -> CheckResult:
    if isinstance(answer, httpx.Response) and answer.status_code in {401, 403}:
        # The factory works without citations: nobody is kept from starting it.
        return warning(
            _NAME,
            f"{setting} was refused ({answer.status_code}) by {url}",
            affects=_AFFECTS,
            fix=f"Put a valid key into {setting}, or take it out: without a key citations come slowly.",
        )
    if isinstance(answer, str) or answer.status_code != 200:
        found = answer if isinstance(answer, str) else f"{url} answered {answer.status_code}"
        return warning(
            _NAME,
            f"{setting} could not be tried: {found}",
            affects=f"{_AFFECTS}, if this lasts",
            fix=f"Check the network and FACTORY_{name.upper().replace(' ', '_')}_URL.",
        )
    return passed(_NAME, f"from {name}: {setting} is accepted by {url}")
