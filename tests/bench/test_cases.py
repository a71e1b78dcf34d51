"""The cases that the bench draws: what each changes, and that a seed draws the same again."""

import random
import re
import zlib

import pytest

from storytui.bench.cases import CASES, CaseError, Drawing, new_tokens
from storytui.bench.contenders import Ask
from storytui.bench.manuscripts import shuffled_sample

HEAD, TAIL = (1, 2, 3), (4, 5)
WORD = re.compile(r"\s*\S{1,6}")


def tokens_of(text: str) -> tuple[int, ...]:
    """A token for every six letters of a word, the same for the same letters."""
    return tuple(10 + zlib.crc32(piece.encode()) for piece in WORD.findall(text))


def make_ask(text: str, start: int) -> Ask:
    return Ask(text, start, (*HEAD, *tokens_of(text[start:]), *TAIL))


def drawing(seed: int = 7, size: int = 1200) -> Drawing:
    return Drawing(
        shuffled_sample(12_000),
        size,
        seed,
        lambda texts: [len(tokens_of(each)) for each in texts],
        make_ask,
    )


@pytest.mark.parametrize("case", CASES)
def test_a_prompt_has_the_size_that_was_asked_for(case: str) -> None:
    work = drawing().draw(case)

    first = work.base or work.wanted
    assert 1150 <= len(first.tokens) <= 1205


def test_nothing_stands_before_a_cold_start() -> None:
    work = drawing().draw("cold")

    assert work.base is None
    assert work.new_tokens == len(work.wanted.tokens)


def test_nothing_is_new_where_nothing_changed() -> None:
    work = drawing().draw("unchanged")

    assert work.base == work.wanted
    assert work.new_tokens == 0


def test_some_twenty_tokens_are_appended() -> None:
    work = drawing().draw("appended")

    assert work.base is not None
    assert work.wanted.text.startswith(work.base.text)
    appended = len(work.wanted.tokens) - len(work.base.tokens)
    assert 10 <= appended <= 20
    assert work.new_tokens == appended + len(TAIL)


def test_a_window_that_slid_lost_its_head_and_nothing_else() -> None:
    work = drawing().draw("slid")

    assert work.base is not None
    assert work.base.text == work.wanted.text
    assert work.base.start < work.wanted.start
    assert 0.3 <= 1 - len(work.wanted.tokens) / len(work.base.tokens) <= 0.45
    # A word at a window's beginning has no blank before it.
    assert work.new_tokens <= len(TAIL) + 1


def test_an_edit_changes_the_number_of_tokens_some_420_before_the_end() -> None:
    work = drawing().draw("edited")

    assert work.base is not None
    assert len(work.base.tokens) != len(work.wanted.tokens)
    assert work.new_tokens < 20
    same = [a == b for a, b in zip(work.base.tokens, work.wanted.tokens, strict=False)]
    assert 380 <= len(work.base.tokens) - same.index(False) <= 440


def test_an_edit_of_one_token_changes_one() -> None:
    work = drawing().draw("edited_one_token")

    assert work.base is not None
    pairs = zip(work.base.tokens, work.wanted.tokens, strict=True)
    assert sum(a != b for a, b in pairs) == 1


def test_the_same_seed_draws_the_same() -> None:
    one, other = drawing(seed=3), drawing(seed=3)

    assert [one.draw(case) for case in CASES] == [other.draw(case) for case in CASES]


def test_another_seed_draws_other_places() -> None:
    assert drawing(seed=3).draw("cold") != drawing(seed=4).draw("cold")


def test_a_place_whose_window_would_begin_elsewhere_is_drawn_again() -> None:
    starts: list[int] = []

    def make(text: str, start: int) -> Ask | None:
        if start == 0:
            return make_ask(text, start)
        starts.append(start)
        # Two in a row are had, the third is not.
        return make_ask(text, start) if len(starts) % 3 else None

    text = shuffled_sample(12_000)
    it = Drawing(text, 1200, 7, lambda texts: [len(tokens_of(each)) for each in texts], make)
    for case in ("cold", "appended", "slid", "edited"):
        assert it.draw(case).case == case
    assert len(starts) > 7


def test_a_manuscript_without_a_place_for_a_case_is_an_error() -> None:
    it = Drawing(
        "Word. " * 200, 1200, 7, lambda texts: [len(tokens_of(each)) for each in texts], make_ask
    )
    for case in CASES:
        with pytest.raises(CaseError, match=f"the case {case}"):
            it.draw(case)


def test_a_prompt_without_room_for_the_cases_is_refused() -> None:
    with pytest.raises(CaseError, match="no room"):
        drawing(size=150)


def test_new_tokens_are_those_that_neither_beginning_nor_end_brought() -> None:
    base = [1, 2, 3, 4, 5, 6, 7, 8]

    assert new_tokens(base, base, 2) == 0
    assert new_tokens(base, [1, 2, 3, 9, 9, 5, 6, 7, 8], 2) == 2 + 2
    assert new_tokens((), base, 2) == 8


def test_a_repeated_token_counts_once_as_beginning_or_end() -> None:
    draw = random.Random(1)
    for _ in range(200):
        base = draw.choices((1, 2), k=draw.randint(0, 8))
        wanted = draw.choices((1, 2), k=draw.randint(0, 8))
        assert 0 <= new_tokens(base, wanted, 0) <= len(wanted)
