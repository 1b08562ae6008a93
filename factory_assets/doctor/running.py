"""The check of a factory that runs already: it works with the settings that it was started with."""

from __future__ import annotations

from factory_assets.doctor.result import CheckResult, DoctorInputs, warning


def check_running(inputs: DoctorInputs) -> CheckResult | None:
    """Settings that have changed since the running factory was started."""
    if not inputs.changed_settings:
        return None
    return warning(
        "running factory",
        f"started with other values of {', '.join(inputs.changed_settings)}",
        affects="every stage: what runs does not see a changed .env or environment",
        fix="Run `make down` and `make up` (or `factory down`, `factory up`).",
    )
