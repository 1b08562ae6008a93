"""Check of what the environment says of the network: its proxies, and whose certificates are believed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed, warning
from factory_assets.domain.errors import InputError, MissingToolError
from factory_assets.network.indexes import OwnIndexes, pip_sources_beside
from factory_assets.network.proxies import read_proxy, shown, unread_exceptions, variable_for
from factory_assets.network.trust import VARIABLES, tls_context

_NAME = "proxies and certificates"


def check_network(inputs: DoctorInputs) -> CheckResult:
    """Whether the proxies and certificates that the environment names can serve; nobody is asked."""
    environment = dict(os.environ)
    used = {named for scheme in ("http", "https") if (named := variable_for(scheme, environment))}
    refused = _refusals(sorted(used))
    if refused:
        tell = error if inputs.live else warning
        return tell(
            _NAME,
            " ".join(f"{fault.where}: {fault.what}" for fault in refused),
            affects="whatever asks a server outside this machine",
            fix=" ".join(fault.fix for fault in refused),
        )
    unread = unread_exceptions(environment)
    if unread:
        name, entries = next(iter(unread.items()))
        return warning(
            _NAME,
            f"{name} holds what excepts no host: {', '.join(entries)}",
            affects="hosts that were meant are asked through the proxy",
            fix=f"Write hosts, .domains, addresses and ranges such as 10.0.0.0/8 into {name}, with commas.",
        )
    return passed(_NAME, _told(sorted(used), environment))


def check_indexes(inputs: DoctorInputs) -> CheckResult:
    """Which package indexes built repos are resolved from, and what of pip's configuration is not used."""
    name, affects = "package indexes", "built_repos with dependencies of that language"
    indexes = OwnIndexes(inputs.pypi_url, inputs.npm_url)
    found, faults = [], []
    asks: dict[str, Callable[[], str]] = {
        "Python": lambda: indexes.pypi_url,
        "TypeScript": lambda: indexes.npm_url,
    }
    for language, ask in asks.items():
        try:
            found.append(f"{language} from {ask()}")
        except MissingToolError:
            # The check of that language's tools tells of it.
            continue
        except InputError as fault:
            faults.append(fault)
    if faults:
        return warning(
            name,
            " ".join(f"{fault.where}: {fault.what}" for fault in faults),
            affects=affects,
            fix=" ".join(fault.fix for fault in faults),
        )
    beside = [] if inputs.pypi_url else pip_sources_beside()
    unused = f"; not used of pip's configuration: {', '.join(beside)}" if beside else ""
    return passed(name, ", ".join(found) + unused)


def _refusals(used: list[tuple[str, str]]) -> list[InputError]:
    refused = []
    for name, value in used:
        try:
            read_proxy(name, value)
        except InputError as fault:
            refused.append(fault)
    try:
        tls_context()
    except InputError as fault:
        refused.append(fault)
    return refused


def _told(used: list[tuple[str, str]], environment: Mapping[str, str]) -> str:
    told = [f"{name}={shown(value)}" for name, value in used]
    told += [f"{name}={environment[name]}" for name in VARIABLES if environment.get(name)]
    return ", ".join(told) or "no proxy is named, and the certificates are this machine's own"
