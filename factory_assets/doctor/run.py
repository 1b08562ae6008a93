"""All checks of `factory doctor`, run at the same time and told in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from factory_assets.doctor import alerts, citations, cluster, machine, network, running, secrets, services
from factory_assets.doctor.result import CheckResult, DoctorInputs, Severity

_CHECKS: tuple[Callable[[DoctorInputs], CheckResult | None], ...] = (
    network.check_network,
    network.check_indexes,
    services.check_credentials,
    services.check_claude_api,
    services.check_router,
    services.check_registry,
    cluster.check_dagster_storage,
    cluster.check_broker,
    services.check_mirror,
    citations.check_citations,
    alerts.check_alert_urls,
    machine.check_claude_code,
    machine.check_git,
    machine.check_make,
    machine.check_bubblewrap,
    machine.check_protections,
    machine.check_later_clock,
    machine.check_python,
    machine.check_bash,
    machine.check_go,
    machine.check_node,
    machine.check_cargo,
    secrets.check_scanner,
    secrets.check_secrets,
    running.check_running,
    machine.check_data_dir,
    machine.check_disk,
)


def run_checks(inputs: DoctorInputs) -> list[CheckResult]:
    """Every check that applies to these settings; takes as long as the slowest one, seconds at most."""
    with ThreadPoolExecutor(max_workers=len(_CHECKS)) as pool:
        results = list(pool.map(lambda check: check(inputs), _CHECKS))
    return [
        replace(result, found=inputs.redact(result.found), fix=inputs.redact(result.fix))
        for result in results
        if result is not None
    ]


def errors_of(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results that stop a stage."""
    return [result for result in results if not result.ok and result.severity is Severity.ERROR]
