"""Gate of the review phase: the tests notice at least one of a few faults that are put into the sources.

A light check against tests that test nothing, no measure of how good they are: it ends with the first fault that is
noticed. The clone is a throw-away copy already; it is brought back to the commit before and after each fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.mutants import Mutant, compiles, listed, mutants
from factory_assets.gates.names import TESTS_NOTICE
from factory_assets.gates.runners import TestRunner

MOST_MUTANTS = 5
FEWEST_SURVIVORS = 2

_MOST_DISCARDED = 15
_HANG_FACTOR = 3
_HANG_SECONDS = 5.0
_LEAST_SECONDS = 1.0


class _Fate(StrEnum):
    NOTICED = "noticed"
    SURVIVED = "survived"
    INVALID = "invalid"
    HUNG = "hung"
    OUT_OF_TIME = "out of time"


@dataclass
class _Tally:
    survivors: list[Mutant] = field(default_factory=list)
    noticed: list[Mutant] = field(default_factory=list)
    discarded: int = 0
    hung: int = 0
    out_of_time: bool = False


def judge_mutations(
    *,
    language: Language,
    clone: Path,
    tree: Tree,
    commands: CommandRunner,
    seed: str,
    seconds: float = 90.0,
    env: Mapping[str, str] | None = None,
    folders: tuple[str, ...] = (),
    clock: Callable[[], float] = time.monotonic,
) -> GateVerdict:
    """Put faults into the sources one at a time, at most five that compile, until the tests notice one.

    Args:
        language: whose operators and test runner are used.
        clone: a fresh clone; it is `tree` again afterwards.
        tree: the files of the commit.
        commands: what runs the untrusted commands.
        seed: what the choice of the faults is drawn from, such as the commit's hash.
        seconds: wall-clock limit of all of it together.
        env: what the dependencies need.
        folders: top-level folders of the clone that are kept though they are not in the tree.
        clock: seconds that only go forward.
    """
    checkout = Checkout(clone, tree, folders)
    runner = TestRunner(language=language, checkout=checkout, commands=commands, env=env or {})
    trial = _Trial(language, checkout, runner, clock, seconds)
    try:
        return trial.judge(seed)
    finally:
        checkout.restore()


@dataclass
class _Trial:
    language: Language
    checkout: Checkout
    runner: TestRunner
    clock: Callable[[], float]
    seconds: float
    deadline: float = 0.0
    usual_seconds: float = 0.0

    def judge(self, seed: str) -> GateVerdict:
        self.checkout.restore()
        before = self.runner.build_and_test(self.seconds)
        if not before.green:
            reason = before.fault or f"{len(before.report.failed)} fail"
            return _verdict(f"not tried, because the tests do not pass as they are: {reason}", passed=False)
        # This run is no trial: the limit is for those.
        self.deadline = self.clock() + self.seconds
        self.usual_seconds = before.result.seconds
        return self._judged(self._try_all(seed))

    def _try_all(self, seed: str) -> _Tally:
        tally = _Tally()
        for mutant in mutants(self.language, self.checkout.tree, seed=seed):
            fate = self._try(mutant)
            if fate is _Fate.OUT_OF_TIME:
                tally.out_of_time = True
            elif fate is _Fate.INVALID:
                tally.discarded += 1
            elif fate is _Fate.HUNG:
                tally.hung += 1
            elif fate is _Fate.NOTICED:
                tally.noticed.append(mutant)
            else:
                tally.survivors.append(mutant)
            if (
                tally.noticed
                or tally.out_of_time
                or len(tally.survivors) + tally.hung >= MOST_MUTANTS
                or tally.discarded >= _MOST_DISCARDED
            ):
                break
        return tally

    def _try(self, mutant: Mutant) -> _Fate:
        if self._left() < _LEAST_SECONDS:
            return _Fate.OUT_OF_TIME
        if compiles(self.language, mutant.text) is False:
            return _Fate.INVALID
        self.checkout.restore({mutant.path: mutant.text})
        if not self._builds(mutant):
            return _Fate.INVALID if self._left() >= _LEAST_SECONDS else _Fate.OUT_OF_TIME
        left = self._left()
        if left < _LEAST_SECONDS:
            return _Fate.OUT_OF_TIME
        hang_seconds = _HANG_FACTOR * self.usual_seconds + _HANG_SECONDS
        own = self.runner.test(min(left, hang_seconds))
        if own.result.timed_out:
            # Tests that assert nothing run for ever too when the code does, so this says nothing of them.
            return _Fate.OUT_OF_TIME if left <= hang_seconds else _Fate.HUNG
        return _Fate.SURVIVED if own.green else _Fate.NOTICED

    def _builds(self, mutant: Mutant) -> bool:
        if self.language is Language.BASH:
            result = self.runner.run(self._left(), "bash", "-n", mutant.path)
        else:
            built = self.runner.build(self._left())
            if built is None:
                return True
            result = built
        return result.exit_code == 0 and not result.timed_out

    def _left(self) -> float:
        return max(0.1, self.deadline - self.clock())

    def _judged(self, tally: _Tally) -> GateVerdict:
        discarded = f", {tally.discarded} discarded because they do not compile" if tally.discarded else ""
        discarded += f", {tally.hung} discarded because the code ran for ever" if tally.hung else ""
        tried = len(tally.survivors) + len(tally.noticed)
        count = f"{tried} fault{'s' if tried != 1 else ''} tried{discarded}"
        survived = f"\nnot noticed:\n{listed(tally.survivors)}" if tally.survivors else ""
        if tally.noticed:
            return _verdict(f"the tests notice {listed(tally.noticed)} ({count}){survived}", passed=True)
        if tally.out_of_time and len(tally.survivors) < FEWEST_SURVIVORS:
            return self._too_few(tally, count, survived)
        if not tally.survivors:
            return _verdict(f"no fault could be put in that compiles and ends ({count})", passed=True)
        ended = " before time ran out" if tally.out_of_time else ""
        return _verdict(f"the tests do not test: none of {count}{ended} was noticed{survived}", passed=False)

    def _too_few(self, tally: _Tally, count: str, survived: str) -> GateVerdict:
        """Time ran out. Code that ran for ever used it up by no fault of the tests; slow tests did it themselves."""
        if tally.hung:
            return _verdict(f"time ran out before enough was tried: {count}{survived}", passed=True)
        slow = (
            f"the tests are too slow to be tried: one run of them takes {self.usual_seconds:.0f} s, and"
            f" {FEWEST_SURVIVORS} have to fit into {self.seconds:.0f} s"
        )
        return _verdict(f"{slow} ({count}, none noticed){survived}", passed=False)


def _verdict(saw: str, *, passed: bool) -> GateVerdict:
    return GateVerdict(
        gate=TESTS_NOTICE,
        phase=Phase.REVIEW,
        passed=passed,
        saw=saw,
        mend="" if passed else "Build the repo again: its tests have to fail when the sources are wrong.",
    )
