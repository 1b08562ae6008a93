"""What a call through the router takes longer than one made directly, and through LiteLLM's proxy."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr

from bench.load import MODEL, Timed, request, timed
from bench.verdict import verdict
from factory_assets.domain.agents import Purpose
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import serve
from factory_assets.router.whereabouts import Whereabouts

# The newest whose proxy the package index has whole; 1.82.7 and 1.82.8 were poisoned.
_LITELLM = "1.108.0"
_LITELLM_KEY = "sk-of-the-measurement"
TARGET_FACTOR, TARGET_MILLISECONDS = 3.0, 3.0
_ROUNDS, _AT_ONCE = 12, (1, 50)
_CALLS = {1: 40, 50: 150}
_START_SECONDS = 120.0
_INTRODUCTION = (
    "Calls of 8 KB to an API on loopback that answers at once, directly, through this router and through LiteLLM's"
    f" proxy {_LITELLM}, one process each, in turn in {_ROUNDS} rounds. Milliseconds; through a gateway what is added"
    " to the direct call's percentile. *Processor* is what a call takes of it in the process that is asked."
)


@dataclass(frozen=True)
class _Way:
    """A server that is asked, its process, and what each caller shows it, who all have budgets of their own."""

    name: str
    url: str
    process: psutil.Process
    keys: Sequence[str] = ("of-no-use",)


def serve_router(folder: str, api: str, port: str) -> None:
    """The router before that API, as `factory router` runs it, in a process of its own."""
    backend = default_backend(api, CredentialKind.API_KEY, SecretStr("of-no-use"))
    with router_of(Whereabouts(Path(folder)), RouterConfig(chains={"api": (backend,)})) as router:
        serve(router, "127.0.0.1", int(port))


def _litellm(folder: Path, api: str) -> list[str]:
    """The command that starts LiteLLM's proxy, installed once into an environment of its own."""
    home = Path(tempfile.gettempdir()) / f"bench-litellm-{_LITELLM}"
    program = home / "bin" / "litellm"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", f"litellm[proxy]=={_LITELLM}"]
        subprocess.run(pip, check=True)
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: anthropic/{MODEL}\n"
        f"      api_base: {api}\n      api_key: of-no-use\n"
        f"general_settings:\n  master_key: {_LITELLM_KEY}\nlitellm_settings:\n  telemetry: false\n"
    )
    return [str(program), "--config", str(config), "--host", "127.0.0.1", "--num_workers", "1", "--port"]


def _api() -> list[str]:
    options = ["--log-level", "error", "--no-access-log", "--port"]
    return [sys.executable, "-m", "uvicorn", "bench.load:fake_api", *options]


def _router(folder: Path, api: str) -> list[str]:
    code = "import sys; from bench.bench_router import serve_router; serve_router(*sys.argv[1:])"
    return [sys.executable, "-c", code, str(folder / "router"), api]


@contextmanager
def _served(
    name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[_Way]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*argv, port],
            env={**os.environ, **(env or {})},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / f"{name}.log")
        yield _Way(name, url, psutil.Process(process.pid))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(url, timeout=5.0)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"{url} did not start: {log.read_text()[-4000:]}")


@contextmanager
def _ways() -> Iterator[list[_Way]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(_served("directly", _api(), folder))
        router = stack.enter_context(_served("this router", _router(folder, api.url), folder))
        access, bench = Whereabouts(folder / "router").access_to(router.url), Purpose(stage="bench")
        passes = [
            stack.enter_context(access.open(bench, limit_usd=1e6, seconds=3600.0))
            for _ in range(max(_AT_ONCE))
        ]
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        litellm = stack.enter_context(_served("LiteLLM", _litellm(folder, api.url), folder, quiet))
        yield [
            api,
            replace(router, keys=[one.token("") for one in passes]),
            replace(litellm, keys=[_LITELLM_KEY]),
        ]


def _megabytes(process: psutil.Process) -> float:
    """The memory of a process and its children that is theirs alone."""
    return sum(one.memory_full_info().uss for one in [process, *process.children(recursive=True)]) / 2**20


def _worked(process: psutil.Process) -> float:
    """Seconds of a processor that a process and its children have used: other work on the machine leaves them alone."""
    times = [one.cpu_times() for one in [process, *process.children(recursive=True)]]
    return sum(one.user + one.system for one in times)


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def _rows(label: str, ways: Sequence[_Way], told: Mapping[str, Timed]) -> Iterator[str]:
    direct = told[ways[0].name]
    for way in ways:
        own = told[way.name]
        cells = [
            f"{_percentile(seconds, percent) - (0.0 if own is direct else _percentile(base, percent)):.2f}"
            for seconds, base in ((own.first, direct.first), (own.end, direct.end))
            for percent in (50, 99)
        ]
        sign = "" if own is direct else "+"
        shown = " | ".join(f"{sign}{cell}" for cell in cells)
        calls = len(own.end)
        yield f"| {label} | {way.name} | {shown} | {calls / own.took:.0f} | {own.worked / calls * 1000:.2f} |"


def _missed(label: str, at_once: int, ways: Sequence[_Way], told: Mapping[str, Timed]) -> Iterator[str]:
    direct, router, litellm = (told[way.name].end for way in ways)
    for percent in (50, 99):
        base = _percentile(direct, percent)
        ours, theirs = _percentile(router, percent) - base, _percentile(litellm, percent) - base
        if ours * TARGET_FACTOR > theirs or (percent == 50 and at_once == 1 and ours > TARGET_MILLISECONDS):
            yield f"{label} at p{percent}"


def _measured(ways: Sequence[_Way], *, streams: bool, at_once: int) -> dict[str, Timed]:
    told = {way.name: Timed() for way in ways}
    # The first round warms each of them up, and is not counted.
    for number in range(_ROUNDS + 1):
        for way in ways:
            # As many callers as are open at once.
            content = [
                request(way.url, way.keys[caller % len(way.keys)], streams=streams)
                for caller in range(at_once)
            ]
            before = _worked(way.process)
            seen = asyncio.run(timed(way.url, content, calls=_CALLS[at_once]))
            seen.worked = _worked(way.process) - before
            if number:
                told[way.name].add(seen)
    return told


def run() -> str:
    """Plain and streamed calls, one and many at once, by the three ways in turn."""
    lines: list[str] = []
    missed: list[str] = []
    with _ways() as ways:
        before = {way.name: _megabytes(way.process) for way in ways}
        for at_once in _AT_ONCE:
            for streams in (False, True):
                label = f"{'streamed' if streams else 'plain'}, {at_once} at once"
                told = _measured(ways, streams=streams, at_once=at_once)
                lines += _rows(label, ways, told)
                missed += _missed(label, at_once, ways, told)
        memory = [
            f"| {way.name} | {before[way.name]:.0f} MiB | {_megabytes(way.process):.0f} MiB |"
            for way in ways[1:]
        ]
    return "\n".join(
        [
            "## The router",
            "",
            _INTRODUCTION,
            "",
            "| calls | way | first byte p50 | p99 | end p50 | p99 | calls a second | processor |",
            "|:--|:--|--:|--:|--:|--:|--:|--:|",
            *lines,
            "",
            "| memory | at first | at the end |",
            "|:--|--:|--:|",
            *memory,
            "",
            verdict(
                f"a third of what LiteLLM adds at p50 and p99, under {TARGET_MILLISECONDS:g} ms at p50",
                missed,
            ),
        ]
    )


if __name__ == "__main__":
    print(run())
