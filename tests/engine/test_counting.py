"""What the model's process has counted once is not asked again."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import EngineDiedError, Prompt, PromptPart
from storytui.engine.counting import RememberedCounts, RememberedPrompts


class Asked:
    """Counts characters, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.calls.append(list(texts))
        return [len(text) for text in texts]

    def prompt(self, message: str, opening: str) -> Prompt:
        self.calls.append([message, opening])
        return Prompt((PromptPart(message + opening, False),), len(message) + len(opening))


def test_a_text_is_asked_about_once() -> None:
    asked = Asked()
    counts = RememberedCounts(asked)
    assert counts(["one", "three", "one"]) == [3, 5, 3]
    assert counts(["three", "one"]) == [5, 3]
    assert asked.calls == [["one", "three"]]


def test_only_what_is_not_known_is_asked_in_one_call() -> None:
    asked = Asked()
    counts = RememberedCounts(asked)
    counts(["one", "three"])
    assert counts(["one", "four", "eleven", "three"]) == [3, 4, 6, 5]
    assert asked.calls[1:] == [["four", "eleven"]]


def test_what_could_not_be_counted_is_asked_again() -> None:
    def dies(_texts: Sequence[str]) -> list[int]:
        raise EngineDiedError("gone")

    counts = RememberedCounts(dies)
    for _ in range(2):
        with pytest.raises(EngineDiedError):
            counts(["one"])


def test_old_texts_are_forgotten_when_there_are_too_many() -> None:
    asked = Asked()
    counts = RememberedCounts(asked, characters=10_000)
    for n in range(1_000):
        counts([f"{n}"])
    asked.calls.clear()
    counts(["999"])
    assert asked.calls == []
    counts(["0"])
    assert asked.calls == [["0"]]


@given(st.lists(st.lists(st.text("ab", max_size=3), max_size=6), max_size=20))
def test_the_counts_are_those_of_who_was_asked(batches: list[list[str]]) -> None:
    counts = RememberedCounts(Asked(), characters=300)
    for batch in batches:
        assert counts(batch) == [len(text) for text in batch]


def test_many_threads_may_ask_at_once() -> None:
    counts = RememberedCounts(Asked(), characters=5_000)
    wrong: list[int] = []

    def ask(first: int) -> None:
        for n in range(first, first + 300):
            if counts([f"{n}", f"{n + 1}"]) != [len(f"{n}"), len(f"{n + 1}")]:
                wrong.append(n)

    threads = [threading.Thread(target=ask, args=(n * 100,), name=f"{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_prompt_is_asked_for_once_until_many_others_were() -> None:
    asked = Asked()
    prompts = RememberedPrompts(asked.prompt, most=2)
    assert prompts("task", "<tag>").tokens == 9
    prompts("task", "<tag>")
    assert asked.calls == [["task", "<tag>"]]
    prompts("other")
    prompts("task", "<tag>")
    prompts("third")
    assert len(asked.calls) == 3
    prompts("task", "<tag>")
    assert len(asked.calls) == 3
    prompts("other")
    assert len(asked.calls) == 4
