"""Gate of the review phase: the tests notice faults that are put into what they claim to test.

A light check against tests that test nothing, no measure of how good they are. Studies of pseudo-tested methods
(https://doi.org/10.1007/s10664-018-9653-2) found in every suite functions that it calls and does not watch. So of a
few functions that the tests name half have to be watched, and of a function's faults every other one has to be
noticed; of the faults in a command whose functions no test names, one in five. A trial ends as soon as that is
decided, for most functions after one fault.
The clone is a throw-away copy already; it is brought back to the commit before and after each fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.claims import Claim, claims
from factory_assets.gates.mutants import Mutant
from factory_assets.gates.names import TESTS_NOTICE
from factory_assets.gates.runners import OwnRun, TestRunner
from factory_assets.gates.written import inverted_tests
from factory_assets.languages import LANGUAGES

MOST_CLAIMS = 4
MOST_MUTANTS = 5
FEWEST_SURVIVORS = 2

_MOST_FAULTS = 12
_MOST_DISCARDED = 15
_HANG_FACTOR = 3
_HANG_SECONDS = 5.0
_LEAST_SECONDS = 1.0


class _Fate(StrEnum):
    NOTICED = "noticed"
    CRASHED = "crashed"
    SURVIVED = "survived"
    INVALID = "invalid"
    HUNG = "hung"
    OUT_OF_TIME = "out of time"


class _Tally(list[tuple[_Fate, Mutant]]):
    """What became of the faults, in the order in which they were tried."""

    def of(self, fate: _Fate) -> list[Mutant]:
        return [mutant for what, mutant in self if what is fate]

    @property
    def noticed(self) -> list[Mutant]:
        """Those that made a test fail, be it for what it expects or for an error of the sources."""
        return [mutant for what, mutant in self if what in {_Fate.NOTICED, _Fate.CRASHED}]

    def is_watched(self, share: int) -> bool:
        """Whether at least one of `share` was noticed, and one of them by what a test expects."""
        noticed, survived = len(self.noticed), len(self.of(_Fate.SURVIVED))
        return bool(self.of(_Fate.NOTICED)) and noticed * share >= noticed + survived

    def is_unwatched(self, share: int) -> bool:
        """Whether enough was tried, and too little of it noticed."""
        return not self.is_watched(share) and len(self.of(_Fate.SURVIVED)) >= FEWEST_SURVIVORS

    @property
    def is_over(self) -> bool:
        """Whether no further fault is put in."""
        invalid = len(self.of(_Fate.INVALID))
        return (
            bool(self.of(_Fate.OUT_OF_TIME))
            or invalid >= _MOST_DISCARDED
            or len(self) - invalid >= MOST_MUTANTS
        )


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
    before: OwnRun | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> GateVerdict:
    """Put faults into the sources one at a time, at most five that compile for each claim of the tests.

    Args:
        language: whose operators and test runner are used.
        clone: a fresh clone; it is `tree` again afterwards.
        tree: the files of the commit.
        commands: what runs the untrusted commands.
        seed: what the choice of the faults is drawn from, such as the commit's hash.
        seconds: wall-clock limit of all of it together.
        env: what the dependencies need.
        folders: top-level folders of the clone that are kept though they are not in the tree.
        before: the own run of the tests as they are; it is made where it is not known.
        clock: seconds that only go forward.
    """
    checkout = Checkout(clone, tree, folders)
    runner = TestRunner(language=language, checkout=checkout, commands=commands, env=env or {})
    trial = _Trial(language, checkout, runner, clock, seconds, inverted=inverted_tests(language, tree))
    try:
        return trial.judge(seed, before)
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
    inverted: frozenset[str] = frozenset()

    def judge(self, seed: str, before: OwnRun | None) -> GateVerdict:
        if before is None:
            self.checkout.restore()
            before = self.runner.build_and_test(self.seconds)
        if not before.green:
            reason = before.fault or f"{len(before.report.failed)} fail"
            return _verdict(f"not tried, because the tests do not pass as they are: {reason}", passed=False)
        # This run is no trial: the limit is for those.
        self.deadline = self.clock() + self.seconds
        self.usual_seconds = before.result.seconds
        return self._judged(seed)

    def _try_all(self, claim: Claim) -> _Tally:
        tally = _Tally()
        for mutant in claim.faults:
            tally.append((self._try(mutant), mutant))
            if tally.is_over or tally.is_watched(claim.share):
                break
        return tally

    def _try(self, mutant: Mutant) -> _Fate:
        if self._left() < _LEAST_SECONDS:
            return _Fate.OUT_OF_TIME
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
        if own.green or self._is_by_chance(own):
            return _Fate.SURVIVED
        return _Fate.CRASHED if own.report.only_crashed else _Fate.NOTICED

    def _is_by_chance(self, own: OwnRun) -> bool:
        """Whether only tests fail that expect another value than the right one, which the fault then made."""
        key = LANGUAGES[self.language].tests.key
        failed = {key(name) for name in own.report.failed}
        return bool(failed) and failed <= self.inverted

    def _builds(self, mutant: Mutant) -> bool:
        if check := LANGUAGES[self.language].check_syntax:
            result = self.runner.run(self._left(), *check, mutant.path)
        elif (built := self.runner.build(self._left())) is None:
            return True
        else:
            result = built
        return result.exit_code == 0 and not result.timed_out

    def _left(self) -> float:
        return max(0.1, self.deadline - self.clock())

    def _judged(self, seed: str) -> GateVerdict:
        total, watched, unwatched = _Tally(), list[Claim](), list[Claim]()
        tried = list(
            islice(claims(self.language, self.checkout.tree, seed=seed, most=_MOST_FAULTS), MOST_CLAIMS)
        )
        for claim in tried:
            tally = self._try_all(claim)
            total += tally
            watched += [claim] if tally.is_watched(claim.share) else []
            unwatched += [claim] if tally.is_unwatched(claim.share) else []
            if (
                total.of(_Fate.OUT_OF_TIME)
                or len(watched) * 2 >= len(tried)
                or len(unwatched) * 2 > len(tried)
            ):
                break
        noticed, survivors = total.noticed, total.of(_Fate.SURVIVED)
        number, invalid, hung = (
            len(noticed + survivors),
            len(total.of(_Fate.INVALID)),
            len(total.of(_Fate.HUNG)),
        )
        count = f"{number} fault{'s' if number != 1 else ''} tried"
        count += f", {invalid} discarded because they do not compile" if invalid else ""
        count += f", {hung} discarded because the code ran for ever" if hung else ""
        survived = f"\nnot noticed:\n{_listed(survivors)}" if survivors else ""
        if watched and len(watched) >= len(unwatched):
            return _verdict(f"the tests notice {_listed(noticed)} ({count}){survived}", passed=True)
        if total.of(_Fate.OUT_OF_TIME) and not unwatched:
            return self._too_few(count, survived, is_hung=hung > 0)
        if not unwatched:
            return _verdict(f"no fault could be put in that compiles and ends ({count})", passed=True)
        ended = " before time ran out" if total.of(_Fate.OUT_OF_TIME) else ""
        names = ", ".join(claim.name for claim in unwatched)
        told = f"{len(noticed) or 'none'} of {count}{ended} {'were' if len(noticed) > 1 else 'was'}"
        return _verdict(f"the tests do not test {names}: {told} noticed{survived}", passed=False)

    def _too_few(self, count: str, survived: str, *, is_hung: bool) -> GateVerdict:
        """Time ran out. Code that ran for ever used it up by no fault of the tests; slow tests did it themselves."""
        if is_hung:
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
        fix="" if passed else "Build the repo again: its tests have to fail when the sources are wrong.",
    )


def _listed(some: Sequence[Mutant]) -> str:
    return "\n".join(f"{mutant.path}:{mutant.line}: {mutant.change}" for mutant in some)
