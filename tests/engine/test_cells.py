"""The cache is what was wanted after every plan, and says truly how much of it is exact."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_memory import SimulatedMemory

from storytui.engine.cells import Cells
from storytui.engine.kv import MOST_CHANGES, Places

HEAD = list(range(400, 410))
TAIL = list(range(450, 456))
PLACES = Places(fixed=len(HEAD), story=len(HEAD), moved_on=True)


def prompt(text: list[int]) -> list[int]:
    return HEAD + text + TAIL


def story(length: int, seed: int = 1) -> list[int]:
    return random.Random(seed).choices(range(300), k=length)


def go(cells: Cells, wanted: list[int], *, moving: bool = True, steps: int = 10_000) -> None:
    plan = cells.plan(wanted, PLACES, moving=moving)
    for number, _ in enumerate(cells.go_to(wanted, plan, checkpoints=True)):
        if number + 1 >= steps:
            break


def check(cells: Cells, memory: SimulatedMemory) -> None:
    assert memory.cells == cells.tokens
    assert [each.position for each in memory.of(0)] == list(range(len(cells.tokens)))
    assert cells.exact <= memory.exact
    assert {number for each in memory.all for number in each.sequences} <= {0}


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = st.sampled_from(["append", "slide", "replace", "delete", "insert", "back", "heal"])
    return draw(st.lists(st.tuples(kinds, st.integers(0, 999), st.integers(1, 60)), max_size=12))


def edited(text: list[int], kind: str, place: int, size: int) -> list[int]:
    at = place % (len(text) + 1)
    new = story(size, seed=place * 100 + size)
    match kind:
        case "append":
            return text + new
        case "slide":
            return text[size:]
        case "replace":
            return [*text[:at], *new[:3], *text[at + 2 :]]
        case "delete":
            return text[:at] + text[at + size :]
        case "insert":
            return text[:at] + new + text[at:]
        case "back":
            return text[:-size]
    return text


@settings(max_examples=150, deadline=None)
@given(edits(), st.sampled_from([0, 1, 2, 5, 10_000]), st.booleans())
def test_any_session_leaves_what_was_wanted(
    session: list[tuple[str, int, int]], steps: int, moving: bool
) -> None:
    memory = SimulatedMemory()
    cells = Cells(memory)
    text = story(200)
    for kind, place, size in session:
        text = edited(text, kind, place, size)
        if steps:
            # Left off on the way: the cache holds what it says all the same.
            go(cells, prompt(text), moving=moving, steps=steps)
            check(cells, memory)
        go(cells, prompt(text), moving=moving)
        check(cells, memory)
        assert cells.tokens == prompt(text)
        if kind == "heal":
            for _ in cells.heal(7):
                check(cells, memory)
            assert cells.exact == memory.exact == len(cells.tokens)


@settings(max_examples=100, deadline=None)
@given(edits(), st.sampled_from([0, 20, 60]))
def test_a_memory_that_cannot_be_cut_is_read_from_a_checkpoint_on(
    session: list[tuple[str, int, int]], window: int
) -> None:
    memory = SimulatedMemory(can_move=False, window=window)
    cells = Cells(memory)
    text = story(200)
    for kind, place, size in session:
        text = edited(text, kind, place, size)
        go(cells, prompt(text))
        check(cells, memory)
        assert cells.tokens == prompt(text)
        assert memory.exact == len(cells.tokens)


def test_text_at_the_end_of_such_a_memory_costs_little_more_than_itself() -> None:
    memory = SimulatedMemory(can_move=False)
    cells = Cells(memory)
    go(cells, prompt(story(300)))
    before = cells.evaluated
    go(cells, prompt([*story(300), 1, 2, 3]))
    assert cells.evaluated - before <= 3 + 32


def test_the_logits_of_the_last_token_are_those_of_a_cold_cache() -> None:
    memory, cold = SimulatedMemory(), SimulatedMemory()
    cells, fresh = Cells(memory), Cells(cold)
    go(cells, prompt(story(300)))
    go(cells, prompt(story(300)[40:]))
    for _ in cells.heal():
        pass
    go(fresh, prompt(story(300)[40:]))
    length = len(cells.tokens)
    healed, wanted = cells.logits_at(length), fresh.logits_at(length)
    assert healed is not None
    assert wanted is not None
    assert healed.tolist() == wanted.tolist()


def test_logits_are_not_kept_for_tokens_that_changed() -> None:
    cells = Cells(SimulatedMemory())
    go(cells, prompt(story(100)))
    cells.cut(50)
    cells.extend(story(60))
    assert cells.logits_at(len(prompt(story(100)))) is None


def test_a_moved_token_is_approximate_and_so_is_all_that_follows() -> None:
    cells = Cells(SimulatedMemory())
    go(cells, prompt(story(300)))
    go(cells, prompt([*story(300)[100:], 1, 2]))
    assert cells.exact == len(HEAD)
    assert cells.approximate == 202 + len(TAIL)


def test_nothing_is_moved_where_that_is_not_wanted() -> None:
    memory = SimulatedMemory()
    cells = Cells(memory)
    go(cells, prompt(story(300)), moving=False)
    go(cells, prompt(story(300)[100:]), moving=False)
    assert cells.approximate == 0
    assert memory.exact == len(cells.tokens)


def test_an_edit_in_the_middle_takes_two_decodes() -> None:
    memory = SimulatedMemory(batch=128)
    cells = Cells(memory)
    text = story(300)
    go(cells, prompt(text))
    before = memory.decodes
    go(cells, prompt([*text[:100], 7, 8, 9, *text[101:]]))
    assert memory.decodes - before == 2


def test_looking_at_logits_in_the_middle_changes_nothing() -> None:
    memory = SimulatedMemory()
    cells = Cells(memory)
    go(cells, prompt(story(100)))
    cells.logits_behind(40)
    check(cells, memory)


def test_there_are_never_more_tokens_than_before_or_afterwards() -> None:
    cells = Cells(SimulatedMemory(context=900))
    notes, text = story(100, seed=3), story(700)
    go(cells, prompt([*notes, *text]))
    longer = [*notes[:50], *story(250, seed=4), *notes[50:], *text[300:]]
    places = Places(len(HEAD), len(HEAD) + 350, moved_on=True)
    plan = cells.plan(prompt(longer), places, moving=True)
    assert plan.moved > 400
    lengths = list(cells.go_to(prompt(longer), plan))
    assert lengths == sorted(lengths)
    assert cells.tokens == prompt(longer)


def test_what_is_deleted_little_by_little_is_read_exactly_in_the_end() -> None:
    memory = SimulatedMemory()
    cells = Cells(memory)
    text = story(1000)
    go(cells, prompt(text))
    moved = []
    for number in range(1, MOST_CHANGES + 3):
        wanted = prompt([*text[:300], *text[300 + 20 * number :]])
        moved.append(cells.plan(wanted, PLACES, moving=True).moved > 0)
        go(cells, wanted)
        # Some of it is healed; the next change comes before all is.
        next(cells.heal(16), None)
    assert moved == [True] * MOST_CHANGES + [False, True]
    check(cells, memory)


def test_what_was_healed_may_be_moved_again() -> None:
    cells = Cells(SimulatedMemory())
    text = story(600)
    go(cells, prompt(text))
    for number in range(1, 2 * MOST_CHANGES):
        wanted = prompt([*text[:300], *text[300 + number :]])
        assert cells.plan(wanted, PLACES, moving=True).moved > 0
        go(cells, wanted)
        assert list(cells.heal())[-1] == 0
