"""A blind comparison: what is seen, what keys say, what it comes to."""

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from scripted_models import Model, Opened, contestant, rows

from storytui_train.data.dataset.pages import cells
from storytui_train.errors import EvaluateError
from storytui_train.evaluate import blind
from storytui_train.evaluate.asking import Asked
from storytui_train.evaluate.blind import Shown, judgement, pairs
from storytui_train.evaluate.comparing import Comparing, Pair, Said
from storytui_train.evaluate.intervals import sign_test
from storytui_train.evaluate.judgements import (
    NAME,
    PACES,
    Judgement,
    Pace,
    add,
    load,
    results,
    told,
)

EVIL = "\x1b]52;c;eA==\x07‮"
PAIRS = [
    Pair(f"pair-{n}", f"Book {n}{EVIL}", f"Before {n}.{EVIL}\n\n" * 30, f"Left {n}.", f"Right {n}.")
    for n in range(3)
]


class Shelf:
    """`Comparing` without a terminal."""

    def __init__(self, judged: Iterable[str] = (), size: tuple[int, int] = (120, 30)) -> None:
        self.kept: list[tuple[str, Said]] = []
        self.judged = set(judged)
        self.comparing = Comparing(
            PAIRS, self.judged, lambda pair, said: self.kept.append((pair.pair, said)), size
        )

    def press(self, *keys: str) -> str:
        for each in keys:
            assert self.comparing.press(each)
        return "\n".join(self.comparing.screen())


def test_three_answers_judge_a_pair_which_is_kept_at_once() -> None:
    shelf = Shelf()
    assert "Which one goes on better?  1 the left  2 the right  0 neither" in shelf.press()
    assert "How far does the left one move the story?  1 too little" in shelf.press("2")
    assert "How far does the right one move" in shelf.press("1")
    assert shelf.kept == []
    assert "2 of 3" in shelf.press("3")
    assert shelf.kept == [("pair-0", Said("right", "too little", "too much"))]
    shelf.press("0", "2", "2", "1", "2", "3")
    assert shelf.kept[1:] == [
        ("pair-1", Said("", "enough", "enough")),
        ("pair-2", Said("left", "enough", "too much")),
    ]
    assert "All pairs are judged." in shelf.press("1", "2")
    assert shelf.comparing.done
    assert len(shelf.kept) == 3


def test_what_was_judged_is_not_asked_again_unless_one_goes_back() -> None:
    shelf = Shelf(["pair-0"])
    assert "2 of 3" in shelf.press()
    assert "1 of 3" in shelf.press("u")
    shelf.press("1", "1", "1")
    assert shelf.kept == [("pair-0", Said("left", "too little", "too little"))]
    assert "2 of 3" in shelf.press()
    assert "That is the first pair." in shelf.press("u", "u")


def test_an_answer_is_taken_back() -> None:
    shelf = Shelf()
    assert "Which one" in shelf.press("1", "u")
    assert "left one move" in shelf.press("2", "1", "u")
    shelf.press("3", "2")
    assert shelf.kept == [("pair-0", Said("right", "too much", "enough"))]


def test_after_the_last_pair_one_can_go_back() -> None:
    shelf = Shelf(["pair-0", "pair-1"])
    shelf.press("0", "2", "2")
    assert "3 of 3" in shelf.press("u")
    assert "That is none of the keys. Which one" in shelf.press("x")


@pytest.mark.parametrize("key", ["q", "interrupt"])
def test_keys_end_it(key: str) -> None:
    assert not Shelf().comparing.press(key)


@pytest.mark.parametrize("size", [(120, 30), (80, 24), (1, 1), (100, 7), (40, 12)])
def test_a_screen_is_as_large_as_the_terminal_and_says_nothing_to_it(size: tuple[int, int]) -> None:
    shelf = Shelf(size=size)
    for key in ("", "1", "j", "page up", "2"):
        lines = shelf.press(key).split("\n")
        assert len(lines) == max(size[1], 6)
        assert all(cells(line) <= max(size[0], 20) for line in lines)
        assert not {"\x1b", "\x07", "‮"} & set("".join(lines))
    shelf.comparing.resize((140, 40))
    assert len(shelf.comparing.screen()) == 40


def test_both_takes_stand_side_by_side_or_below_each_other() -> None:
    wide = Shelf(size=(120, 30)).press()
    assert any("Left 0." in line and "Right 0." in line for line in wide.split("\n"))
    narrow = Shelf(size=(60, 40)).press()
    assert narrow.index("Left 0.") < narrow.index("Right 0.")
    assert "1 the first  2 the second" in narrow


def test_the_context_is_scrolled_to() -> None:
    shelf = Shelf(size=(120, 20))
    first = shelf.press()
    assert shelf.press("page up") != first
    assert shelf.press(*["k"] * 99) == shelf.press("k")
    assert shelf.press(*["j"] * 99) == shelf.press("j")


# --- which take is where --------------------------------------------------------------------------


def shown(folder: Path, opened: Opened, *names: str, count: int = 24) -> list[Shown]:
    path = folder / "rows.jsonl"
    import msgspec

    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in rows(count)))
    models = [contestant(each) for each in names]
    return pairs(path, models, folder, rows=count, asked=Asked(words=20), open_engine=opened)


def test_chance_says_which_take_is_where_and_always_the_same(tmp_path: Path) -> None:
    opened = Opened(one=Model(answer=" One went on."), two=Model(answer=" Two went on."))
    found = shown(tmp_path, opened, "one", "two")
    lefts = [each.left.name for each in found]
    assert 4 < lefts.count("one") < 20
    assert all(("One" in each.pair.left) == (each.left.name == "one") for each in found)
    assert shown(tmp_path, opened, "one", "two") == found
    assert {each.pair for each in shown(tmp_path, opened, "two", "one")} == {
        each.pair for each in found
    }
    assert opened.opened == ["one", "two"]
    assert not any("one" in each.pair.place or "two" in each.pair.place for each in found)


def test_another_take_makes_another_pair(tmp_path: Path) -> None:
    first = shown(tmp_path, Opened(one=Model(), two=Model(answer=" Two.")), "one", "two", count=2)
    (tmp_path / "kept.jsonl").unlink()
    other = Opened(one=Model(), two=Model(answer=" Three."))
    second = shown(tmp_path, other, "one", "two", count=2)
    assert not {each.pair.pair for each in first} & {each.pair.pair for each in second}


def test_what_is_said_of_sides_is_kept_of_models(tmp_path: Path) -> None:
    opened = Opened(one=Model(answer=" One."), two=Model(answer=" Two."))
    for each in shown(tmp_path, opened, "one", "two", count=6):
        found = judgement(each, Said("left", "too little", "enough"))
        assert found.better == each.left.identity
        assert found.paces == {each.left.identity: "too little", each.right.identity: "enough"}
        assert found.models == {"sha-one": "one", "sha-two": "two"}
        assert found.left == each.left.identity
        assert judgement(each, Said("", "enough", "enough")).better == ""


def test_progress_does_not_say_which_model_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = Opened(secret=Model(answer=" One."), hidden=Model(answer=" Two."))
    shown(tmp_path, opened, "secret", "hidden", count=2)
    said = capsys.readouterr()
    assert "Model 2 of 2 writes" in said.err
    assert not any(name in said.err + said.out for name in ("secret", "hidden"))


# --- what it comes to -----------------------------------------------------------------------------


def judged(
    number: int, better: str, *, left: str = "a", pace: Pace = "enough", book: int | None = None
) -> Judgement:
    return Judgement(
        pair=f"pair-{number}",
        row=f"row-{number}",
        book=f"book-{number % 5 if book is None else book}",
        models={"a": "New", "b": "Old"},
        better=better,
        paces={"a": pace, "b": "too little"},
        left=left,
    )


def test_judgements_are_kept_and_the_last_of_a_pair_counts(tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert load(path) == []
    for each in (judged(0, "a"), judged(1, "b"), judged(0, "")):
        add(path, each)
    assert load(path) == [judged(0, ""), judged(1, "b")]
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert load(path) == [judged(0, "a"), judged(1, "b")]
    add(path, judged(2, "a"))
    assert load(path) == [judged(0, "a"), judged(1, "b"), judged(2, "a")]


def test_a_judgement_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvaluateError, match="cannot be written"):
        add(tmp_path / "none" / NAME, judged(0, "a"))
    with pytest.raises(EvaluateError, match="cannot be read"):
        load(tmp_path)


def test_a_clear_preference_is_told_with_its_interval() -> None:
    said = [judged(n, "a" if n % 5 else "") for n in range(40)]
    (found,) = results(said)
    assert (found.first, found.second, found.pairs) == ("New", "Old", 40)
    assert found.better == (32, 8, 0)
    assert found.preferred.mean == pytest.approx(90)
    assert found.preferred.low > 50
    assert found.preferred.books == 5
    assert found.paces["New"] == {"too little": 0, "enough": 40, "too much": 0}
    assert found.paces["Old"]["too little"] == 40
    assert found.enough["Old"].mean == 0
    text = "\n".join(told(found))
    assert "New is preferred in 90 %" in text
    assert "So New goes on better." in text


@pytest.mark.parametrize(("pairs", "clear"), [(1, False), (2, False), (5, False), (6, True)])
def test_few_pairs_declare_no_winner(pairs: int, clear: bool) -> None:
    (found,) = results([judged(n, "a") for n in range(pairs)])
    assert found.preferred.low == 100
    assert found.chance == pytest.approx(2 * 0.5**pairs)
    text = "\n".join(told(found))
    assert ("So New goes on better." in text) == clear
    assert ("neither is clearly better" in text) != clear
    assert ("100 % (" in text) == (pairs > 1)


def test_shares_stay_between_none_and_all() -> None:
    (found,) = results([judged(n, "a" if n else "b", pace="enough") for n in range(4)])
    assert (found.preferred.low, found.preferred.high) == (0, 100)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(0, 0, 1), (3, 3, 1), (6, 0, 0.03125), (0, 6, 0.03125), (9, 1, 0.021484375), (8, 2, 0.109375)],
)
def test_chance_is_that_of_a_fair_coin(one: int, other: int, expected: float) -> None:
    assert sign_test(one, other) == pytest.approx(expected)


def test_readers_who_toss_a_coin_prefer_nothing() -> None:
    chance = random.Random(3)
    said = [judged(n, chance.choice(["a", "b", ""]), left=chance.choice("ab")) for n in range(60)]
    (found,) = results(said)
    assert found.preferred.low < 50 < found.preferred.high
    assert "neither is clearly better" in "\n".join(told(found))


def test_a_reader_who_always_takes_the_left_is_seen() -> None:
    said = [judged(n, "ab"[n % 2], left="ab"[n % 2]) for n in range(20)]
    (found,) = results(said)
    assert found.left.mean == 100
    assert "left was preferred in 100 %" in "\n".join(told(found))


def test_results_are_of_every_two_models_apart_and_safe_to_show() -> None:
    other = Judgement(
        pair="x",
        row="x",
        book="x",
        models={"a": f"New{EVIL}", "c": "Third"},
        better="c",
        paces={"a": PACES[0], "c": PACES[2]},
        left="c",
    )
    found = results([judged(0, "a", book=1), judged(1, "a", book=1), other])
    assert [each.pairs for each in found] == [2, 1]
    text = "\n".join(line for each in found for line in told(each))
    assert "\x1b" not in text
    assert "All rows are of one book" in text


def test_nothing_judged_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvaluateError, match="Nothing was judged yet"):
        blind.results_in(tmp_path)
