"""Whatever is asked of the cache, in whatever order: it holds what it says, read as it says.

The memory here knows for every cell what stood before it when it was evaluated, and refuses what
llama.cpp refuses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from storytui.engine.api import EngineError
from storytui.engine.cells import EXACT_PRICE, MAIN, SCRATCH, Cells, Logits
from storytui.engine.kv import SMALLEST_MOVE, Places, Plan, common_prefix

CONTEXT = 160
EVERY = st.integers(1, 9)


@dataclass
class Cell:
    """One evaluated token."""

    token: int
    position: int
    value: int
    """Stands for keys and values: of the token, and of all that it was read after."""
    sequences: set[int] = field(default_factory=set)


def value_of(token: int, before: Sequence[int]) -> int:
    return hash((token, tuple(before)))


def exact_values(tokens: Sequence[int]) -> list[int]:
    """The values of tokens that are read one after another from a cold start."""
    values: list[int] = []
    for token in tokens:
        values.append(value_of(token, values))
    return values


class SimulatedMemory:
    """A unified memory for several sequences, as strict as llama.cpp's."""

    batch = 16
    can_move = True

    def __init__(self, context: int = CONTEXT) -> None:
        self.context = context
        self.cells: list[Cell] = []
        self.most_cells = 0
        self.evaluated = 0
        self.fails_in: int | None = None
        self._logits: Logits = np.zeros(1, dtype=np.float32)

    def of(self, sequence: int) -> list[Cell]:
        """The cells of a sequence by their positions, which are all different."""
        found = sorted(
            (each for each in self.cells if sequence in each.sequences),
            key=lambda each: each.position,
        )
        positions = [each.position for each in found]
        assert len(set(positions)) == len(positions), "two tokens at one position"
        return found

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = MAIN) -> None:
        assert 0 < len(tokens) <= self.batch
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in <= 0:
                self.fails_in = None
                raise EngineError("llama.cpp failed")
        before = self.of(sequence)
        last = before[-1].position if before else -1
        assert position == last + 1, "llama.cpp wants the position behind the sequence's last"
        assert [each.position for each in before] == list(range(position)), "there is a hole"
        values = [each.value for each in before]
        for offset, token in enumerate(tokens):
            values.append(value_of(token, values))
            self.cells.append(Cell(token, position + offset, values[-1], {sequence}))
        self.evaluated += len(tokens)
        self.most_cells = max(self.most_cells, len(self.cells))
        assert len(self.cells) <= self.context, "the context is full"
        self._logits = logits_of(values[-1])

    def logits(self, index: int = 0) -> Logits:
        return self._logits

    def remove(self, start: int, end: int, sequence: int = MAIN) -> bool:
        for each in self.of(sequence):
            if each.position >= start and (end < 0 or each.position < end):
                each.sequences.discard(sequence)
        self.cells = [each for each in self.cells if each.sequences]
        return True

    def shift(self, start: int, end: int, by: int) -> None:
        for each in self.of(MAIN):
            if each.position >= start and (end < 0 or each.position < end):
                assert each.sequences == {MAIN}, "a shared token is moved"
                each.position += by
                assert each.position >= 0
        self.of(MAIN)

    def share(self, source: int, target: int, start: int, end: int) -> None:
        for each in self.of(source):
            if start <= each.position < end:
                each.sequences.add(target)
        self.of(target)

    def clear(self) -> None:
        self.cells.clear()

    def holds(self, length: int) -> bool:
        return True

    def checkpoint(self) -> bytes:
        raise AssertionError("a memory that can be moved needs no checkpoints")

    def restore(self, state: bytes) -> bool:
        raise AssertionError("a memory that can be moved needs no checkpoints")


class RunningMemory(SimulatedMemory):
    """A memory like that of recurrent layers: it goes on, or back to a checkpoint."""

    can_move = False

    def remove(self, start: int, end: int, sequence: int = MAIN) -> bool:
        there = len(self.of(sequence))
        if start == 0 or start >= there:
            return super().remove(start, end, sequence)
        return False

    def shift(self, start: int, end: int, by: int) -> None:
        raise AssertionError("this memory cannot be moved")

    def share(self, source: int, target: int, start: int, end: int) -> None:
        assert start == 0, "what a recurrent layer remembers cannot be taken apart"
        assert end >= len(self.of(source)), "what a recurrent layer remembers cannot be cut"
        super().share(source, target, start, end)

    def holds(self, length: int) -> bool:
        return length == len(self.of(MAIN))

    def checkpoint(self) -> bytes:
        return json.dumps([(each.token, each.value) for each in self.of(MAIN)]).encode()

    def restore(self, state: bytes) -> bool:
        self.clear()
        for position, (token, value) in enumerate(json.loads(state)):
            self.cells.append(Cell(token, position, value, {MAIN}))
        return True


def logits_of(value: int) -> Logits:
    return np.array([float(value % 1_000_003)], dtype=np.float32)


FEW = st.integers(0, 2)
MANY = st.integers(10, 500)
SOME = st.lists(FEW, max_size=40) | st.lists(MANY, max_size=90)


STORIES = st.builds(
    lambda seed, length: Random(seed).choices(range(500), k=length),
    st.integers(0, 3),
    st.integers(60, CONTEXT - 40),
)


class CacheMachine(RuleBasedStateMachine):
    """Requests, readings ahead, replies and edits, each left off anywhere."""

    memory_kind: type[SimulatedMemory] = SimulatedMemory

    @initialize(first=STORIES | SOME.filter(bool))
    def begin(self, first: list[int]) -> None:
        self.memory = self.memory_kind()
        self.cells = Cells(self.memory)
        self.wanted = first

    # --- what she does ----------------------------------------------------------------------------

    @rule(at=st.floats(0, 1), dropped=st.integers(0, 60), put_in=SOME)
    def edit(self, at: float, dropped: int, put_in: list[int]) -> None:
        start = int(at * len(self.wanted))
        new = self.wanted[:start] + put_in + self.wanted[start + dropped :]
        self.wanted = new[: CONTEXT - 20] or self.wanted

    @rule(story=STORIES)
    def open_another_story(self, story: list[int]) -> None:
        self.wanted = story

    @rule(start=st.floats(0, 1), length=st.integers(1, 50), to=st.floats(0, 1))
    def move_a_passage(self, start: float, length: int, to: float) -> None:
        first = int(start * len(self.wanted))
        passage = self.wanted[first : first + length]
        rest = self.wanted[:first] + self.wanted[first + length :]
        place = int(to * len(rest))
        self.wanted = rest[:place] + passage + rest[place:]

    @rule(twice=st.booleans())
    def say_it_again(self, twice: bool) -> None:
        self.wanted = (self.wanted * (3 if twice else 2))[: CONTEXT - 20]

    # --- what the engine does ---------------------------------------------------------------------

    @rule(moving=st.sampled_from([True, True, False]), batch=st.just(0) | EVERY)
    def read(self, moving: bool, batch: int, places: Places | None = None) -> None:
        cells, wanted = self.cells, list(self.wanted)
        plan = self.plan(moving=moving, places=places)
        before = self.memory.evaluated

        for stands in cells.go_to(wanted, plan, batch=batch, checkpoints=moving):
            assert stands == len(cells.tokens)
            self.all_is_as_it_says()

        assert cells.tokens == wanted
        assert cells.logits_at(len(wanted)) is not None
        if self.memory.can_move:
            assert self.memory.evaluated - before == plan.evaluated
        if not moving:
            assert cells.exact == len(wanted)

    @precondition(lambda self: len(self.cells.tokens) > 2 * SMALLEST_MOVE)
    @rule(
        at=st.floats(0, 1),
        dropped=st.integers(0, 4),
        put_in=st.lists(MANY, max_size=4),
        batch=st.just(0) | EVERY,
    )
    def change_a_word(self, at: float, dropped: int, put_in: list[int], batch: int) -> None:
        tokens = self.cells.tokens
        start = SMALLEST_MOVE + int(at * (len(tokens) - 2 * SMALLEST_MOVE))
        new = tokens[:start] + put_in + tokens[start + dropped :]
        self.wanted = new[: CONTEXT - 10]
        self.read(moving=True, batch=batch)

    @precondition(lambda self: len(self.cells.tokens) > 2 * SMALLEST_MOVE)
    @rule(at=st.integers(1, 20), dropped=st.integers(1, 80), more=SOME, batch=st.just(0) | EVERY)
    def let_the_window_move_on(self, at: int, dropped: int, more: list[int], batch: int) -> None:
        tokens = self.cells.tokens
        self.wanted = (tokens[:at] + tokens[at + dropped :] + more)[: CONTEXT - 10]
        self.read(moving=True, batch=batch, places=Places(0, at, moved_on=True))

    @rule(
        moving=st.booleans(),
        batch=st.just(0) | EVERY,
        steps=st.integers(0, 6),
        fixed=st.integers(0, 10),
        story=st.integers(0, 10),
    )
    def read_a_little(self, moving: bool, batch: int, steps: int, fixed: int, story: int) -> None:
        plan = self.plan(moving=moving, places=Places(fixed, fixed + story, moved_on=moving))
        reading = self.cells.go_to(list(self.wanted), plan, batch=batch, checkpoints=moving)

        for _ in islice(reading, steps):
            self.all_is_as_it_says()

        reading.close()

    @rule(moving=st.booleans(), fails_in=st.integers(1, 6))
    def read_and_fail(self, moving: bool, fails_in: int) -> None:
        self.memory.fails_in = fails_in
        try:
            for _ in self.cells.go_to(list(self.wanted), self.plan(moving=moving), batch=5):
                self.all_is_as_it_says()
        except EngineError:
            self.cells.forget()
        self.memory.fails_in = None

    def plan(self, *, moving: bool, places: Places | None = None) -> Plan:
        """A plan for what is wanted, which costs no more than keeping the common beginning."""
        cells = self.cells
        plan = cells.plan(list(self.wanted), places, moving=moving)
        unhurried = cells.unhurried_plan(list(self.wanted), places, moving=moving)
        kept = common_prefix(cells.tokens, self.wanted)
        naive = len(self.wanted) - (
            kept if moving and self.memory.can_move else min(kept, cells.exact)
        )
        assert plan.length == len(self.wanted)
        assert plan.evaluated <= max(1, naive)
        assert plan.evaluated <= unhurried.evaluated <= plan.evaluated + EXACT_PRICE
        return plan

    @precondition(lambda self: self.cells.approximate > 0)
    @rule(batch=st.just(0) | EVERY, steps=st.none() | st.integers(0, 5))
    def heal(self, batch: int, steps: int | None) -> None:
        left = self.cells.approximate
        tokens = list(self.cells.tokens)
        before = self.memory.evaluated
        healing = self.cells.heal(batch)
        for now in islice(healing, steps):
            assert now < left
            left = now
            assert self.cells.approximate == now
            assert self.cells.tokens == tokens
            self.all_is_as_it_says()
        if steps is None:
            assert self.cells.approximate == 0
        assert self.memory.evaluated - before <= len(tokens)

    @rule(reply=st.lists(MANY, min_size=1, max_size=10))
    def write(self, reply: list[int]) -> None:
        if len(self.cells.tokens) + len(reply) <= CONTEXT:
            self.memory.evaluate(reply, len(self.cells.tokens))
            self.cells.extend(reply)

    @rule(at=st.floats(0, 1))
    def cut(self, at: float) -> None:
        length = int(at * len(self.cells.tokens))
        wanted = self.cells.tokens[:length]
        left = self.cells.cut(length)
        assert left <= length
        assert self.cells.tokens == wanted[:left]

    @rule()
    def forget(self) -> None:
        self.cells.forget()
        assert self.cells.tokens == []

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def all_is_as_it_says(self) -> None:
        if not hasattr(self, "cells"):
            return
        cells = self.cells
        held = self.memory.of(MAIN)
        assert [each.position for each in held] == list(range(len(cells.tokens)))
        assert [each.token for each in held] == cells.tokens
        assert self.memory.of(SCRATCH) == []
        assert len(self.memory.cells) == len(held)
        exact = exact_values(cells.tokens)
        assert 0 <= cells.exact <= len(cells.tokens)
        assert [each.value for each in held[: cells.exact]] == exact[: cells.exact]
        for length in range(1, len(cells.tokens) + 1):
            logits = cells.logits_at(length)
            if logits is not None and length <= cells.exact:
                assert logits == logits_of(exact[length - 1]), "logits from before the healing"


class RunningMachine(CacheMachine):
    """The same with a memory that cannot be cut anywhere."""

    memory_kind = RunningMemory

    @precondition(lambda self: self.cells.approximate > 0)
    @rule()
    def nothing_is_approximate(self) -> None:
        raise AssertionError("a memory that cannot move has nothing approximate")


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestRunningCache = RunningMachine.TestCase
TestRunningCache.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def a_step(machine: CacheMachine, random: Random) -> None:
    """What a writer does, more or less: mostly small changes, read at once, and much impatience."""
    batch, steps = random.choice([0, 3, 7]), random.choice([None, 1, 2, 4])
    words = random.choices(range(500), k=random.randrange(1, 5))
    match random.choices(range(9), weights=[6, 3, 6, 6, 1, 1, 1, 1, 1])[0]:
        case 0 if len(machine.cells.tokens) > 2 * SMALLEST_MOVE:
            machine.change_a_word(random.random(), random.randrange(5), words, batch)
        case 1 if len(machine.cells.tokens) > 2 * SMALLEST_MOVE:
            machine.let_the_window_move_on(
                random.randrange(1, 20), random.randrange(1, 80), words, batch
            )
        case 2 if machine.cells.approximate:
            machine.heal(batch, steps)
        case 3:
            machine.write(words)
        case 4:
            machine.cut(random.random())
        case 5:
            machine.read_a_little(True, batch, random.randrange(6), 0, 0)
        case 6:
            machine.read_and_fail(True, random.randrange(1, 6))
        case 7:
            machine.edit(random.random(), random.randrange(40), words)
        case _:
            machine.read(moving=random.random() < 0.8, batch=batch)
    machine.all_is_as_it_says()


@pytest.mark.parametrize("kind", [CacheMachine, RunningMachine])
@settings(max_examples=80, deadline=None)
@given(story=STORIES, seed=st.integers(0, 1 << 32))
def test_a_session_leaves_the_cache_as_it_says(
    kind: type[CacheMachine], story: list[int], seed: int
) -> None:
    machine, random = kind(), Random(seed)
    machine.begin(story)
    machine.read(moving=True, batch=0)

    for _ in range(30):
        a_step(machine, random)
