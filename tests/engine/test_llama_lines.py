"""Tokens by line are the tokens of the whole text."""

import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.engine.llama import LlamaVocabulary
from storytui.engine.llama.lines import LineTokens, cuts_of
from storytui.samples import writable_sample

FOLDER = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[3].joinpath("shared", "books")
)
BOOKS = sorted(FOLDER.glob("*.txt"))[:9:3] if FOLDER.is_dir() else []
NASTY = st.lists(
    st.sampled_from(
        [
            *("\n", "\n\n", "\n\n\n", " \n", "\n ", "\n\t", "\r\n", "\r", "  ", "    ", "\t", " "),
            *("a", "She", " went", "ö", "1", "12", "1234", "\n7", ".", "...", '"', "'s", "“", "—"),
            *("🙂", "👩‍👩‍👧", "e\u0301", "\u0301", "\u2028", "\x85", "\x1c", "\u00a0", "\x00", "/"),
            *("<|im_start|>", "<|im_end|>", "<start_of_turn>", "<", "</reasoning>", "<answer>"),
            *("\n/", "\n-", "\n“", "\n\u0301", "\n🙂", "\n日本", "\n<|im_start|>", "\nuser\n"),
        ]
    )
    | st.text(max_size=4),
    max_size=24,
).map("".join)


@llama_cpp.llama_log_callback
def say_nothing(_level: int, _text: bytes, _data: object) -> None:
    """What llama.cpp says of the file is no matter here."""


class Opened:
    """A vocabulary by line, and the same one that tokenises every text at once."""

    def __init__(self, path: Path) -> None:
        llama_cpp.llama_log_set(say_nothing, ctypes.c_void_p())
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.handle = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        vocab = llama_cpp.llama_model_get_vocab(self.handle)
        self.by_line = LlamaVocabulary(vocab)
        self.at_once = LlamaVocabulary(vocab)
        self.at_once.cuts = None

    def agrees(self, text: str) -> None:
        assert self.by_line.tokenize(text) == self.at_once.tokenize(text)
        assert self.by_line.tokenize_inside(text) == self.at_once.tokenize_inside(text)


@pytest.fixture(scope="module", params=["smollm2", "gemma3"])
def opened(
    request: pytest.FixtureRequest, small_model: Path, other_small_model: Path
) -> Iterator[Opened]:
    opened = Opened(small_model if request.param == "smollm2" else other_small_model)
    yield opened
    llama_cpp.llama_model_free(opened.handle)


def test_both_small_vocabularies_can_be_cut(opened: Opened) -> None:
    assert opened.by_line.cuts is not None


@settings(max_examples=400, deadline=None)
@given(text=NASTY)
def test_lines_give_the_tokens_of_the_whole(opened: Opened, text: str) -> None:
    opened.agrees(text)


def test_the_sample_story_by_line_has_the_tokens_of_the_whole(
    opened: Opened, tmp_path: Path
) -> None:
    opened.agrees(writable_sample(tmp_path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_book_by_line_has_the_tokens_of_the_whole(opened: Opened, book: Path) -> None:
    text = book.read_bytes().decode("utf-8", "replace")[:300_000]
    opened.agrees(text)


class CountingTokenizer:
    """One token for each character."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> list[int]:
        self.texts.append(text)
        return [ord(each) for each in text]


def test_only_a_changed_line_is_tokenised_again() -> None:
    tokenizer = CountingTokenizer()
    lines = LineTokens(tokenizer, tokenizer, cuts_of([]))
    lines.tokens_inside("one\ntwo\n\nthree\nfour")
    tokenizer.texts.clear()
    lines.tokens_inside("one\nTWO\n\nthree\nfour")
    assert tokenizer.texts == ["TWO\n\na", "a", "four"]


def test_no_more_lines_are_kept_than_may_be() -> None:
    tokenizer = CountingTokenizer()
    lines = LineTokens(tokenizer, tokenizer, cuts_of([]), capacity=1000)
    for number in range(300):
        lines.tokens_inside(f"line {number:05}\nand another {number:05}\nend")
    assert sum(len(line) for line, _ in [*lines._young, *lines._old]) <= 1000 + 20


def test_a_line_that_is_used_stays() -> None:
    tokenizer = CountingTokenizer()
    lines = LineTokens(tokenizer, tokenizer, cuts_of([]), capacity=200)
    for number in range(100):
        lines.tokens_inside(f"always the same\nline {number:05}\nend")
    assert sum("always" in each for each in tokenizer.texts) == 1


def test_no_text_is_cut_before_what_a_token_has_behind_a_line_break() -> None:
    cuts = cuts_of([b"a", b"\n", b"\n\n", b"\n  ", b";\n/", b"x"])
    assert cuts.split("one\ntwo\n/three\n\n four") == ["one\n", "two\n/three\n\n four"]


def test_a_token_with_more_than_ascii_behind_a_line_break_bars_all_of_it() -> None:
    cuts = cuts_of(["\nö".encode()])
    assert cuts.split("one\nä\ntwo") == ["one\nä\n", "two"]


def test_a_stand_in_that_merges_has_the_text_tokenised_at_once() -> None:
    def merging(text: str) -> list[int]:
        return [1] if text == "a" else [len(text)]

    assert LineTokens(merging, merging, cuts_of([])).tokens("one\ntwo") == [7]


def test_two_threads_get_the_tokens_that_one_gets(opened: Opened) -> None:
    texts = [f"The {n}th line\n\nof {n}.\n" * 30 for n in range(40)]
    expected = [opened.at_once.tokenize(each) for each in texts]
    found: dict[int, list[list[int]]] = {}

    def tokenise(number: int) -> None:
        found[number] = [opened.by_line.tokenize(each) for each in texts]

    threads = [threading.Thread(target=tokenise, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {0: expected, 1: expected}
