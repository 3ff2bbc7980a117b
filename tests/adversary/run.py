"""Many adversarial proposals through the real tool, each ruling judged by the oracle.

    python -m tests.adversary.run --count 1000000 --processes 2
    python -m tests.adversary.run --seed 7 --index 4711 [--text '{"intent": ...}']

The first form ends with 1 at the first breach, exception or blocked way out, and prints what
replays it: seed, index and the smallest text. The second form replays one index, with its own text
or with the given one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import secrets
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from guardrails import rule
from guardrails.terms import Proposal, Ruling, View
from tests.adversary.generator import case
from tests.adversary.oracle import blocked, breaches, order_of
from tests.adversary.shrink import smallest
from tests.adversary.worlds import World
from tools import Breadth, Toolset
from tools.floor import Outcome

CHUNK = 5_000
AGAIN_EVERY = 8  # each eighth ruling is asked for a second time, with another thesis
ANSWER_CHARACTERS_MAX = 20_000
APPROVED_SHARE_MIN = 0.05  # with fewer approvals a run proves nothing about orders
BREADTH = Breadth(rows=5, candidates=3)


class Failure(NamedTuple):
    """What went wrong at one index, with what replays it."""

    seed: int
    index: int
    what: tuple[str, ...]
    text: str | bytes

    def told(self) -> str:
        """The failure as a person needs it."""
        _, world, aimed = case(self.seed, self.index)
        met = ", ".join(world.spoilt) or "nothing"
        return "\n".join(
            [
                f"seed {self.seed}, index {self.index} ({aimed}; spoilt: {met})",
                *(f"  {line}" for line in self.what),
                f"  text: {self.text!r}",
                f"  replay: python -m tests.adversary.run --seed {self.seed} --index {self.index}",
                f"  view: {world.view}",
            ]
        )


@dataclass
class Tally:
    """What became of the proposals. The counts of all refusing rules: one ruling has several."""

    proposals: int = 0
    approved: Counter[str] = field(default_factory=Counter)  # by intent
    refused_by: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)  # by what was expected
    split: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Counts the other's proposals in."""
        self.proposals += other.proposals
        self.approved += other.approved
        self.refused_by += other.refused_by
        self.malformed += other.malformed
        self.split += other.split
        self.failures += other.failures

    @property
    def approved_share(self) -> float:
        """The approved part of all proposals, 0..1."""
        return self.approved.total() / max(1, self.proposals)

    def told(self) -> str:
        """The counts, a line each, the most frequent first."""
        lines = [
            f"{self.proposals} proposals: {self.approved.total()} approved "
            f"({self.approved_share:.1%}), {self.split} with two targets, "
            f"{self.malformed.total()} malformed, {len(self.failures)} failures"
        ]
        for title, counts in (
            ("approved", self.approved),
            ("refused by", self.refused_by),
            ("malformed, expected", self.malformed),
        ):
            lines += [f"{title}:"] + [f"  {n:>8}  {name}" for name, n in counts.most_common()]
        return "\n".join(lines)


class LentFloor:
    """The desk as a tool sees it: one world, and the ruling that came to its door."""

    def __init__(self, world: World) -> None:
        self._view = world.view
        self.proposal: Proposal | None = None
        self.ruling: Ruling | None = None

    async def view(self, symbol: str) -> View:
        """The view as it is seen for that symbol."""
        return seen(self._view, symbol)

    async def submit(self, _raw: str, proposal: Proposal | None, ruling: Ruling) -> Outcome:
        """Keeps the ruling, sends nothing."""
        self.proposal, self.ruling = proposal, ruling
        return Outcome(proposal_id=1, status="resting", legs=(), says="")


def seen(view: View, symbol: str) -> View:
    """The view; for another stock than its own, without instrument and quote: nobody told them."""
    found = view.instrument
    if found is None or found.symbol == symbol:
        return view
    return replace(view, instrument=None, quote=None)


async def ruled(text: str | bytes, world: World) -> tuple[Proposal | None, Ruling, list[str]]:
    """Proposal and ruling as the tool made them, and what is wrong with its answer."""
    floor = LentFloor(world)
    toolset = Toolset(floor=floor, limits=world.limits, breadth=BREADTH)
    answer = await toolset.call("propose_order", text)
    ruling = floor.ruling
    if ruling is None:
        raise AssertionError("no ruling came to the door of the desk")
    body, wrong = json.loads(answer.text), []
    if len(answer.text) > ANSWER_CHARACTERS_MAX or not answer.text.isascii():
        wrong.append(f"answer: {len(answer.text)} characters")
    if (body["verdict"] == "approved") is not ruling.approved or answer.is_error is ruling.approved:
        wrong.append(f"answer: {body['verdict']}, and the ruling is otherwise")
    return floor.proposal, ruling, wrong


def judged(proposal: Proposal | None, ruling: Ruling, world: World, *, again: bool) -> list[str]:
    """Everything wrong with a ruling, by the oracle. again: ask for it a second time as well."""
    wrong = []
    if ruling.approved is bool(ruling.refusals) or not ruling.checks:
        wrong.append("verdict: approved and refused at once, or neither")
    wrong += [f"words: {one.rule} says nothing" for one in ruling.refusals if not one.says]
    if proposal is None:
        return wrong
    view, limits = seen(world.view, proposal.symbol), world.limits
    if ruling.ticket is not None:
        wrong += breaches(order_of(ruling.ticket), proposal, view, limits)
    elif (reason := blocked(proposal, view, limits)) is not None:
        wrong.append(reason)
    if again:
        otherwise = replace(proposal, thesis="Send ten thousand shares at once.")
        if not rule(proposal, view, limits) == ruling == rule(otherwise, view, limits):
            wrong.append("equal: equal proposals were ruled on differently")
    return wrong


async def found_wrong(text: str | bytes, world: World, *, again: bool = True) -> list[str]:
    """What is wrong with the ruling on `text`, an exception included: the run must go on."""
    _, wrong = await _looked_at(text, world, None, again=again)
    return wrong


async def _looked_at(
    text: str | bytes, world: World, tally: Tally | None, *, again: bool
) -> tuple[Ruling | None, list[str]]:
    try:
        proposal, ruling, wrong = await ruled(text, world)
        wrong += judged(proposal, ruling, world, again=again)
    except Exception as error:  # noqa: BLE001 - that nothing raises is what is tested
        last = traceback.extract_tb(error.__traceback__)[-1]
        return None, [f"raised: {type(error).__name__} at {last.name} ({error})"]
    if tally is not None:
        _count(tally, proposal, ruling)
    return ruling, wrong


def _count(tally: Tally, proposal: Proposal | None, ruling: Ruling) -> None:
    if proposal is None:
        tally.malformed.update(check.limit for check in ruling.refusals)
    elif ruling.ticket is None:
        tally.refused_by.update(check.rule for check in ruling.refusals)
    else:
        tally.approved[proposal.intent.value] += 1
        tally.split += len(ruling.ticket.parts) > 1


async def some(seed: int, first: int, count: int, failures_max: int = 1) -> Tally:
    """The tally of `count` indices from `first`; ends early at `failures_max` failures."""
    tally = Tally()
    for index in range(first, first + count):
        text, world, _ = case(seed, index)
        _, wrong = await _looked_at(text, world, tally, again=index % AGAIN_EVERY == 0)
        tally.proposals += 1
        if wrong:
            tally.failures.append(await _smallest(seed, index, text, world, wrong))
            if len(tally.failures) >= failures_max:
                break
    return tally


async def _smallest(
    seed: int, index: int, text: str | bytes, world: World, wrong: list[str]
) -> Failure:
    kinds = {line.partition(":")[0] for line in wrong}

    def fails_alike(simpler: str | bytes) -> bool:
        found = _apart(found_wrong(simpler, world))
        return kinds <= {line.partition(":")[0] for line in found}

    return Failure(seed, index, tuple(wrong), smallest(text, fails_alike))


def _apart(coroutine):
    """The result of a coroutine that never waits: the floor lent here has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a lent floor never waits")


def _chunk(work: tuple[int, int, int, int]) -> Tally:
    return asyncio.run(some(*work))


def run(
    seed: int, count: int, processes: int, told: Callable[[Tally], None], failures_max: int = 1
) -> Tally:
    """The tally of `count` proposals; `told` hears of it after each chunk."""
    chunks = [
        (seed, first, min(CHUNK, count - first), failures_max) for first in range(0, count, CHUNK)
    ]
    tally = Tally()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(_chunk, chunks):
            tally.add(part)
            told(tally)
            if len(tally.failures) >= failures_max:
                pool.terminate()
                break
    return tally


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description="Adversarial proposals through the real tool.")
    asked.add_argument("--count", type=int, default=20_000)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--seed", type=int, default=None, help="default: another one each time")
    asked.add_argument("--index", type=int, default=None, help="replay this one alone")
    asked.add_argument("--text", default=None, help="with --index: this text in its world")
    asked.add_argument("--failures", type=int, default=1, help="end at so many")
    return asked.parse_args()


def main() -> int:
    """The exit code: 0 without a failure, 1 with one, 2 if too little was approved."""
    asked = _asked()
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    if asked.index is not None:
        return _replayed(seed, asked.index, asked.text)
    began = time.monotonic()

    def told(tally: Tally) -> None:
        rate = tally.proposals / (time.monotonic() - began)
        done = f"{tally.proposals}/{asked.count}"
        print(f"{done}, {rate:.0f} a second, {tally.approved_share:.1%} approved", flush=True)

    tally = run(seed, asked.count, asked.processes, told, asked.failures)
    print(tally.told())
    for failure in tally.failures:
        print(failure.told())
    if tally.failures:
        return 1
    return 0 if tally.approved_share >= APPROVED_SHARE_MIN else 2


def _replayed(seed: int, index: int, text: str | None) -> int:
    own, world, aimed = case(seed, index)
    wrong = asyncio.run(found_wrong(own if text is None else text, world))
    print(f"index {index} ({aimed}): {wrong or 'nothing is wrong'}")
    print(f"text: {own if text is None else text!r}\nspoilt: {world.spoilt}\nview: {world.view}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
