"""That nothing of the test set stands in the training set."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row, Split
from storytui_train.data.overlap import hashes_of, held_of, merged, refusal_of, words_of

EPIGRAPH = "The quality of mercy is not strained, it droppeth as the gentle rain from heaven"
WORDS = st.lists(st.sampled_from("abcdefg"), max_size=40)


def row(text: str, split: Split, identity: str = "a:0-1") -> Row:
    half = len(text) // 2
    source = Source(id=identity.partition(":")[0], kind="gutenberg", title="A Book")
    return Row(
        id=identity, source=source, span=(0, 1), context=text[:half],
        continuation=text[half:], split=split,
    )  # fmt: skip


def numbered(name: str, count: int = 60) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def test_a_training_row_that_quotes_the_test_set_is_refused_with_the_words():
    test = row(f"{numbered('x')} “{EPIGRAPH}.” {numbered('y')}", "test")
    train = row(f"{numbered('p')} {EPIGRAPH.upper()}! {numbered('q')}", "train", "b:5-9")

    refusal = refusal_of(train, held_of([test], 13))

    assert refusal is not None
    assert (refusal.stage, refusal.id, refusal.reason) == ("split", "b:5-9", "overlap")
    assert "15 words" in refusal.detail
    assert "the quality of mercy is not strained it droppeth as the" in refusal.detail


def test_twelve_shared_words_are_nothing_and_thirteen_are_too_many():
    words = numbered("w", 13).split()
    test = row(" ".join(["start", *words, "end"]), "test")
    held = held_of([test], 13)
    assert refusal_of(row(" ".join(["p", *words[:12], "q"]), "train"), held) is None
    assert refusal_of(row(" ".join(["p", *words, "q"]), "train"), held) is not None


def test_punctuation_case_and_lines_make_no_difference():
    words = numbered("w", 13)
    other = "“" + words.upper().replace(" ", ",\n—") + "!”"
    assert refusal_of(row(other, "train"), held_of([row(words, "test")], 13)) is not None


def test_who_may_share_with_whom():
    text = numbered("w", 20)
    test, validation = held_of([row(text, "test")], 13), held_of([row(text, "validation")], 13)
    assert refusal_of(row(text, "validation"), test) is not None
    assert refusal_of(row(text, "validation"), validation) is None
    assert refusal_of(row(text, "train"), validation) is not None
    assert refusal_of(row(text, "test"), test) is None


def test_what_follows_a_row_is_looked_at_too():
    text = numbered("w", 13)
    train = row(numbered("p"), "train")
    train = Row(
        **{**{name: getattr(train, name) for name in Row.__struct_fields__}, "after": f" {text}"}
    )
    assert refusal_of(train, held_of([row(text, "test")], 13)) is not None


def test_training_rows_are_not_indexed():
    held = held_of([row(numbered("w"), "train")], 13)
    assert held.test.size == held.validation.size == 0


@given(WORDS, WORDS, st.integers(1, 5))
def test_hashes_are_equal_where_the_words_are(left: list[str], right: list[str], length: int):
    def runs(words: list[str]) -> list[str]:
        count = max(0, len(words) - length + 1)
        return [" ".join(words[at : at + length]) for at in range(count)]

    assert hashes_of(left, length).size == len(runs(left))
    shared = np.intersect1d(hashes_of(left, length), hashes_of(right, length)).size
    assert shared == len(set(runs(left)) & set(runs(right)))


@given(st.lists(WORDS, max_size=6), st.integers(1, 4))
def test_an_index_of_parts_is_the_index_of_all(texts: list[list[str]], cut: int):
    rows = [row(" ".join(words), "test") for words in texts]
    whole = held_of(rows, 3)
    parts = merged([held_of(rows[cut:], 3), held_of(rows[:cut], 3)])
    assert np.array_equal(whole.test, parts.test)


def test_indexes_of_different_runs_do_not_go_together():
    with pytest.raises(ValueError, match="different lengths"):
        merged([held_of([], 13), held_of([], 12)])


def test_words_keep_their_apostrophes_and_lose_the_rest():
    assert words_of("“Don’t—it's _late_,” 1,000 x.") == ["don't", "it's", "late", "1", "000", "x"]


def test_hashes_are_the_same_in_every_process():
    code = "from storytui_train.data.overlap import hashes_of; print(hashes_of(['a', 'b'], 2)[0])"
    shown = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    }
    assert shown == {str(hashes_of(["a", "b"], 2)[0])}
