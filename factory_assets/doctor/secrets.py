"""Checks of what keeps secrets in: the scanner works, and the secrets can be recognised."""

from __future__ import annotations

from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed, warning
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.redaction import SHORTEST_SECRET
from factory_assets.secret_scan.rules import Kingfisher, made_up_key, rule_cache

_SCANNER = "secret scanner"


def check_scanner(inputs: DoctorInputs) -> CheckResult:  # noqa: ARG001 - every check is called alike
    """The rule-based scanner, tried on a made-up key; the first time it compiles its rules, which takes 10 s."""
    return try_scanner(Kingfisher(cache=rule_cache()))


def try_scanner(scanner: Kingfisher) -> CheckResult:
    """Whether the scanner finds a key."""
    try:
        finds = scanner.find({"trial": made_up_key().encode()})
    except InfrastructureError as failure:
        found, fix = failure.what, failure.fix
    else:
        if finds:
            return passed(_SCANNER, "kingfisher finds a made-up key")
        found, fix = "it does not find a made-up key", "Install the dependencies again (make clean setup)."
    return error(_SCANNER, found, affects="built_repos and mirrored_repos: nothing ships unscanned", fix=fix)


def check_secrets(inputs: DoctorInputs) -> CheckResult | None:
    """Secrets that cannot be told from ordinary words, which are neither found nor taken out of texts."""
    if not inputs.weak_secrets:
        return None
    return warning(
        "secrets",
        f"too short or too ordinary to be recognised: {', '.join(inputs.weak_secrets)}",
        affects="every stage: such a value is neither found in repos nor taken out of logs",
        fix=f"Use a random value of {SHORTEST_SECRET} characters or more.",
    )
