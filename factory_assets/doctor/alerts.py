"""Check of the URLs that alerts go to; nothing is sent."""

from __future__ import annotations

from factory_assets.doctor.result import CheckResult, DoctorInputs, passed, warning
from factory_assets.network.apprise_urls import takes


def check_alert_urls(inputs: DoctorInputs) -> CheckResult | None:
    """Whether apprise takes each of them; None where none is set. They are named by number: each is a secret."""
    if not inputs.alert_urls:
        return None
    count = len(inputs.alert_urls)
    refused = [str(number) for number, url in enumerate(inputs.alert_urls, start=1) if not takes(url)]
    if not refused:
        return passed("alert URLs", f"apprise takes all {count}")
    return warning(
        "alert URLs",
        f"of the {count} in FACTORY_ALERT_URLS, apprise does not take number {', '.join(refused)}",
        affects="alerts: none arrives there",
        fix="Write it as https://appriseit.com/services/ says for that service, or take it out.",
    )
