"""Parts of a prompt: only the template brings control tokens, and no seam falls inside a run."""

import re
from typing import ClassVar

import pytest
from byte_model import CONTROL, ByteVocabulary
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import EngineError, PromptPart
from storytui.engine.template import Frame
from storytui.engine.tokens import TokenCounts, assemble, encode, split_control, without_marks

VOCABULARY = ByteVocabulary()


def test_the_template_is_cut_at_its_control_tokens() -> None:
    assert split_control("a<|turn|>b<|turn|>", VOCABULARY.control) == [
        PromptPart("a", False),
        PromptPart("<|turn|>", True),
        PromptPart("b", False),
        PromptPart("<|turn|>", True),
    ]


def test_plain_text_beside_the_story_joins_it() -> None:
    frame = Frame("<|turn|>user\n", "<|turn|>assistant\n")
    assert assemble(frame, "story", "<reasoning>", VOCABULARY) == (
        PromptPart("<|turn|>", True),
        PromptPart("user\nstory", False),
        PromptPart("<|turn|>", True),
        PromptPart("assistant\n<reasoning>", False),
    )


@given(st.text(alphabet="<|turn> a"))
def test_a_story_never_brings_a_control_token(story: str) -> None:
    frame = Frame("<|turn|>", "<|turn|>")
    tokens = encode(assemble(frame, "<|turn|>" + story, "", VOCABULARY), VOCABULARY)
    assert tokens.count(CONTROL) == 2


def test_each_text_is_tokenised_once() -> None:
    calls = []

    class Counting(ByteVocabulary):
        def tokenize_inside(self, text: str) -> list[int]:
            calls.append(text)
            return self.tokenize(text)

    counts = TokenCounts(Counting())
    assert counts.count(["ab", "abc", "ab"]) == [2, 3, 2]
    assert counts.count(["abc"]) == [3]
    assert calls == ["ab", "abc"]


class MergingTokenizer:
    """Takes `</s>` for one token wherever it stands, as SentencePiece does by its merges."""

    MARK = 1000
    MARKS: ClassVar = {MARK: "</s>"}

    def tokens(self, text: str) -> list[int]:
        result = []
        for piece in re.split("(</s>)", text):
            result.extend([self.MARK] if piece == "</s>" else map(ord, piece))
        return result


@given(st.text(alphabet="<>/s a"))
def test_a_mark_that_plain_text_would_become_is_cut_open(text: str) -> None:
    merging = MergingTokenizer()
    tokens = without_marks(text, merging.tokens, merging.tokens, merging.MARKS)
    assert "".join(map(chr, tokens)) == text


def test_text_without_marks_is_tokenised_once() -> None:
    assert without_marks("abc", lambda text: [len(text)], lambda _: [], {7: "</s>"}) == [3]


def test_a_vocabulary_that_is_all_marks_is_refused() -> None:
    with pytest.raises(EngineError, match="another model file"):
        without_marks("abc", lambda _: [7], lambda _: [7], {7: "x"})
